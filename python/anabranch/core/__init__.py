"""The repository without a JVM: the second implementation of SPEC.md.

The folders are those of ``sql/core``, and so are the arrows: store <- format <- log <- transaction <-
operations <- repository.
"""
