package io.anabranch.core.format

import java.nio.charset.StandardCharsets.UTF_8
import java.nio.{ByteBuffer, ByteOrder}
import scala.util.hashing.MurmurHash3

/** The 32-bit Murmur3 hash (x86 variant, seed 0) of a value, over the bytes that Apache Iceberg's spec
  * (appendix B) gives for its type.
  */
object Murmur3 {
  def hash(v: Value): Int = MurmurHash3.bytesHash(bytes(v), 0)

  private def bytes(v: Value): Array[Byte] = v match {
    case Value.Whole(n) => ByteBuffer.allocate(8).order(ByteOrder.LITTLE_ENDIAN).putLong(n).array
    case Value.Text(s) => s.getBytes(UTF_8)
    case Value.Bytes(b) => b
    case Value.Decimal(d) => d.unscaledValue.toByteArray
    case other => throw new IllegalArgumentException(s"no hash is defined for $other")
  }
}
