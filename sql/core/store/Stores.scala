package io.anabranch.core.store

import io.anabranch.core.AnabranchException

import org.apache.hadoop.conf.Configuration

import java.nio.file.Paths
import java.util.Locale

/** Opens the object store that a location names. */
object Stores {

  /** The store whose root is the location, which is written as Hadoop writes paths: nothing in it is
    * percent-decoded. No request is sent to the store.
    *
    * @param uri
    *   such as `file:///data/lake` or `s3a://bucket/lake`; `s3://` and `s3n://` mean `s3a://`
    * @throws AnabranchException
    *   `ANABRANCH_REPOSITORY.INVALID_LOCATION`; `NO_PERMISSION` or `STORE_FAILED` if its client can't start
    */
  def open(uri: String, conf: Configuration): ObjectStore = {
    val at = parse(uri)
    at.scheme match {
      case "file" => new LocalStore(Paths.get(at.path))
      case _ => HadoopStore.open(at.toString, conf)
    }
  }

  /** The root of the store that a location names, as the store itself writes it: nothing is opened.
    *
    * @throws AnabranchException
    *   `ANABRANCH_REPOSITORY.INVALID_LOCATION`
    */
  def root(uri: String): String = parse(uri).toString

  private final case class Location(scheme: String, authority: String, path: String) {
    override def toString: String = s"$scheme://$authority$path"
  }

  private val Form = "(?s)([A-Za-z][A-Za-z0-9+.-]*):(?://([^/]*))?(/.*)?".r

  /** Stores of which it is known that they create an object once only. Any other would pass the probe,
    * which sends one request after the other, and still lose a race.
    */
  private val Known = Set("file", "s3a", "gs", "hdfs", "webhdfs", "swebhdfs", "abfs", "abfss")

  private def parse(uri: String): Location = {
    def refuse(reason: String): Nothing =
      throw AnabranchException("ANABRANCH_REPOSITORY.INVALID_LOCATION", "location" -> uri, "reason" -> reason)

    if (uri.exists(c => c == '?' || c == '#')) refuse("a query or fragment ('?', '#') has no meaning in it")
    if (uri.exists(c => c.isControl || c == '\\')) refuse("it holds a control character or a backslash")
    val (scheme, authority, path) = uri match {
      case Form(s, a, p) => (s.toLowerCase(Locale.ROOT), Option(a).getOrElse(""), Option(p).getOrElse(""))
      case _ => refuse("it is not an absolute URI with a scheme")
    }
    val parts = path.split('/').filter(_.nonEmpty)
    if (parts.exists(p => p == "." || p == "..")) refuse("'.' and '..' are not followed")
    val canonical = if (scheme == "s3" || scheme == "s3n") "s3a" else scheme
    if (!Known(canonical))
      refuse(s"'$scheme' is none of the schemes that can hold one (${Known.toSeq.sorted.mkString(", ")})")
    if (canonical == "file") {
      if (authority.nonEmpty) refuse(s"'$authority' stands in the place of a host; write file:///")
      if (parts.isEmpty) refuse("it is the root of the file system")
    } else checkAuthority(canonical, authority, refuse)
    Location(canonical, authority, parts.map("/" + _).mkString)
  }

  private def checkAuthority(scheme: String, authority: String, refuse: String => Nothing): Unit = {
    if (authority.isEmpty) refuse("it names no bucket, container or host")
    // Secrets in a location would end up in plans, logs and error messages.
    if (authority.contains('@') && (scheme == "s3a" || authority.takeWhile(_ != '@').contains(':')))
      refuse("credentials don't belong into it")
    if (!authority.matches("[A-Za-z0-9._~$@:\\[\\]-]+"))
      refuse(s"'$authority' is no bucket, container or host")
  }
}
