package io.anabranch.core.log

import java.util.concurrent.{Callable, ExecutionException, ExecutorService, Executors, TimeUnit}
import scala.jdk.CollectionConverters._

/** Requests that run at the same time: one round. */
object Parallel {
  private val MaxThreads = 32

  private val pool: ExecutorService = {
    val p = new java.util.concurrent.ThreadPoolExecutor(
      MaxThreads,
      MaxThreads,
      30,
      TimeUnit.SECONDS,
      new java.util.concurrent.LinkedBlockingQueue[Runnable],
      (r: Runnable) => {
        val t = Executors.defaultThreadFactory().newThread(r)
        t.setDaemon(true)
        t.setName("anabranch-io-" + t.getId)
        t
      }
    )
    p.allowCoreThreadTimeOut(true)
    p
  }

  /** Applies a function to all items, in parallel when there are several. Must not be nested. */
  def map[A, B](items: Seq[A])(f: A => B): Seq[B] = items match {
    case Seq() => Nil
    case Seq(one) => Seq(f(one))
    case _ =>
      val tasks = items.map(item => (() => f(item)): Callable[B])
      try pool.invokeAll(tasks.asJava).asScala.map(_.get()).toVector
      catch { case e: ExecutionException => throw e.getCause }
  }

  /** Two requests in one round; the second runs in the calling thread, and may itself be [[map]]. */
  def both[A, B](first: => A)(second: => B): (A, B) = {
    val task = pool.submit((() => first): Callable[A])
    val b = second
    try (task.get(), b)
    catch { case e: ExecutionException => throw e.getCause }
  }

  private val later: ExecutorService = Executors.newSingleThreadExecutor { (r: Runnable) =>
    val t = new Thread(r, "anabranch-background")
    t.setDaemon(true)
    t
  }

  /** Runs something later, in the background; what it throws is dropped. */
  def background(body: => Unit): Unit = later.execute(() => scala.util.Try(body): Unit)
}
