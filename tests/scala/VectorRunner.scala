package io.anabranch.test

import io.anabranch.core.AnabranchException
import io.anabranch.core.format.{Json, JsonReader}

import java.nio.charset.StandardCharsets.UTF_8

/** Runs pure functions of the core on JSON, for the vectors in `tests/vectors`. */
object VectorRunner {

  /** Takes the members of the input, gives the output. */
  type Function = JsonReader => Json

  /** All functions by name. Those of an area stand in a file of their own and are added here. */
  private val functions: Map[String, Function] =
    Map("errors.format" -> (formatError(_))) ++ FormatFunctions.all ++ LogFunctions.all ++ MergeFunctions.all

  /** Calls a function by name: `{"output": …}`, or `{"error": {"condition": …, "parameters": …}}`. */
  def run(function: String, inputJson: String): String = {
    val call = functions.getOrElse(
      function,
      throw new IllegalArgumentException(s"VectorRunner has no function '$function'")
    )
    val answer =
      try Json.obj("output" -> call(new JsonReader(Json.parse(inputJson.getBytes(UTF_8), "input"), "input")))
      catch {
        case e: AnabranchException =>
          Json.obj(
            "error" -> Json
              .obj("condition" -> Json.Text(e.condition), "parameters" -> Json.textMap(e.parameters))
          )
      }
    new String(Json.canonical(answer), UTF_8)
  }

  private def formatError(in: JsonReader): Json =
    Json.Text(AnabranchException(in.text("condition"), in.textMap("parameters").toSeq: _*).getMessage)
}
