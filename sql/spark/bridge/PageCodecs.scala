package org.apache.spark.sql.anabranch

import com.github.luben.zstd.Zstd
import org.apache.parquet.bytes.BytesInput
import org.apache.parquet.compression.CompressionCodecFactory
import org.apache.parquet.compression.CompressionCodecFactory._
import org.apache.parquet.hadoop.metadata.CompressionCodecName
import org.xerial.snappy.Snappy

import java.io.IOException
import java.nio.ByteBuffer

/** Unpacks pages into one array, which the next page takes again: for who copies what is wanted before asking for the next
  * page. Parquet's own way copies each page three times, and makes a new array of it.
  *
  * @param others
  *   unpacks what is in other codecs
  */
final private class PageCodecs(others: CompressionCodecFactory) extends CompressionCodecFactory {
  private var page = Array.empty[Byte]

  override def getCompressor(codec: CompressionCodecName): BytesInputCompressor = others.getCompressor(codec)
  override def getDecompressor(codec: CompressionCodecName): BytesInputDecompressor = codec match {
    case CompressionCodecName.SNAPPY =>
      unpacked(codec) { (in, from, length, size) =>
        val told = Snappy.uncompressedLength(in, from, length)
        // it would write that much, however long the array is
        if (told == size) Snappy.uncompress(in, from, length, page, 0) else told
      }
    case CompressionCodecName.ZSTD =>
      unpacked(codec)((in, from, length, size) =>
        Zstd.decompressByteArray(page, 0, size, in, from, length).toInt
      )
    case other => others.getDecompressor(other)
  }
  override def release(): Unit = others.release()

  /** @param unpack
    *   into the page, from so many bytes of an array from some place on, when it has a size; tells the number of bytes
    */
  private def unpacked(codec: CompressionCodecName)(
      unpack: (Array[Byte], Int, Int, Int) => Int
  ): BytesInputDecompressor = {
    val whole = others.getDecompressor(codec)
    new BytesInputDecompressor {
      override def decompress(packed: BytesInput, size: Int): BytesInput = {
        if (page.length < size) page = new Array[Byte](size)
        val bytes = PageCodecs.inHeap(packed)
        val found = unpack(bytes.array, bytes.arrayOffset + bytes.position(), bytes.remaining, size)
        if (found != size) throw new IOException(s"A page unpacks to $found bytes, and not to $size.")
        BytesInput.from(ByteBuffer.wrap(page, 0, size))
      }
      override def decompress(packed: ByteBuffer, packedSize: Int, out: ByteBuffer, size: Int): Unit =
        whole.decompress(packed, packedSize, out, size)
      override def release(): Unit = whole.release()
    }
  }
}

private object PageCodecs {

  /** Bytes as they lie in an array, copied only if they don't. */
  def inHeap(bytes: BytesInput): ByteBuffer = {
    val stream = bytes.toInputStream
    val buffer = stream.slice(stream.available)
    if (buffer.hasArray) buffer.slice()
    else {
      val copy = ByteBuffer.allocate(buffer.remaining)
      copy.put(buffer).flip()
      copy
    }
  }
}
