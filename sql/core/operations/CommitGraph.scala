package io.anabranch.core.operations

/** Draws commits and their parents as lines beside a list: a row a commit, the newest first. */
object CommitGraph {

  /** @param commits
    *   ids with those of their parents; children stand before their parents
    * @return
    *   what stands before each of them
    */
  def draw(commits: Seq[(String, Seq[String])]): Seq[String] = {
    val listed = commits.map(_._1).toSet
    commits
      .foldLeft((Vector.empty[Option[String]], Vector.empty[String])) {
        case ((lanes, drawn), (id, parents)) =>
          val (next, line) = row(lanes, id, parents.filter(listed))
          (next, drawn :+ line)
      }
      ._2
  }

  /** @param lanes
    *   for each column the commit that it leads to
    */
  private def row(
      before: Vector[Option[String]],
      id: String,
      parents: Seq[String]
  ): (Vector[Option[String]], String) = {
    val lanes = if (before.contains(Some(id))) before else put(before, free(before, Set.empty), Some(id))
    val (own, joined) = {
      val all = lanes.indices.filter(lanes(_).contains(id))
      (all.head, all.tail.toSet)
    }
    val first = lanes.zipWithIndex.map {
      case (_, `own`) => parents.headOption
      case (_, i) if joined(i) => None
      case (other, _) => other
    }
    val (after, opened, met) =
      parents.drop(1).foldLeft((first, Set.empty[Int], Set.empty[Int])) { case ((now, opened, met), parent) =>
        now.indices.find(i => i != own && now(i).contains(parent)) match {
          case Some(i) => (now, opened, met + i)
          case None =>
            val i = free(now, joined + own)
            (put(now, i, Some(parent)), opened + i, met)
        }
      }
    val reach = joined ++ opened ++ met + own
    val cells = after.indices.map { i =>
      val between = i > reach.min && i < reach.max
      val mark =
        if (i == own) "●"
        else if (joined(i)) if (i > own) "╯" else "╰"
        else if (opened(i)) if (i > own) "╮" else "╭"
        else if (met(i)) if (i > own) "┤" else "├"
        else if (after(i).isDefined) if (between) "┼" else "│"
        else if (between) "─"
        else " "
      mark + (if (i >= reach.min && i < reach.max) "─" else " ")
    }
    (after.reverse.dropWhile(_.isEmpty).reverse, cells.mkString.stripTrailing)
  }

  private def free(lanes: Vector[Option[String]], taken: Set[Int]): Int =
    lanes.indices.find(i => lanes(i).isEmpty && !taken(i)).getOrElse(lanes.size)

  private def put(lanes: Vector[Option[String]], at: Int, id: Option[String]): Vector[Option[String]] =
    lanes.padTo(at + 1, None).updated(at, id)
}
