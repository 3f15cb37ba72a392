package io.anabranch.core.format

import org.apache.parquet.io.{
  DelegatingSeekableInputStream,
  InputFile,
  OutputFile,
  PositionOutputStream,
  SeekableInputStream
}

import java.io.{ByteArrayInputStream, ByteArrayOutputStream}

/** A Parquet file in memory, to be written. */
private[format] final class BytesOutputFile extends OutputFile {
  private val out = new ByteArrayOutputStream
  def bytes: Array[Byte] = out.toByteArray

  override def create(blockSizeHint: Long): PositionOutputStream = new PositionOutputStream {
    override def getPos: Long = out.size.toLong
    override def write(b: Int): Unit = out.write(b)
    override def write(b: Array[Byte], offset: Int, length: Int): Unit = out.write(b, offset, length)
  }
  override def createOrOverwrite(blockSizeHint: Long): PositionOutputStream = create(blockSizeHint)
  override def supportsBlockSize: Boolean = false
  override def defaultBlockSize: Long = 0
}

/** A Parquet file in memory, to be read. */
private[format] final class BytesInputFile(bytes: Array[Byte]) extends InputFile {
  override def getLength: Long = bytes.length.toLong

  override def newStream(): SeekableInputStream = {
    final class Source extends ByteArrayInputStream(bytes) {
      def position: Long = pos.toLong
      def seek(to: Long): Unit = pos = to.toInt
    }
    val source = new Source
    new DelegatingSeekableInputStream(source) {
      override def getPos: Long = source.position
      override def seek(to: Long): Unit = source.seek(to)
    }
  }
}
