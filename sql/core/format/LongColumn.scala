package io.anabranch.core.format

import org.apache.parquet.conf.PlainParquetConfiguration
import org.apache.parquet.example.data.Group
import org.apache.parquet.hadoop.ParquetReader
import org.apache.parquet.hadoop.api.{InitContext, ReadSupport}
import org.apache.parquet.hadoop.example.GroupReadSupport
import org.apache.parquet.schema.MessageType

/** One BIGINT column of a Parquet file. */
object LongColumn {

  /** Its values in order; None for NULL. Empty if the file has no such column. */
  def read(bytes: Array[Byte], column: String): IndexedSeq[Option[Long]] = {
    val builder =
      new ParquetReader.Builder[Group](new BytesInputFile(bytes), new PlainParquetConfiguration()) {
        override protected def getReadSupport: ReadSupport[Group] = new GroupReadSupport {
          override def init(context: InitContext): ReadSupport.ReadContext = {
            val file = context.getFileSchema
            val wanted =
              if (file.containsField(column))
                new MessageType(file.getName, file.getFields.get(file.getFieldIndex(column)))
              else new MessageType(file.getName)
            new ReadSupport.ReadContext(wanted)
          }
        }
      }
    val reader = builder.build()
    try
      Iterator
        .continually(reader.read())
        .takeWhile(_ != null)
        .map(g =>
          Option.when(g.getType.getFieldCount > 0 && g.getFieldRepetitionCount(0) > 0)(g.getLong(0, 0))
        )
        .toVector
    finally reader.close()
  }
}
