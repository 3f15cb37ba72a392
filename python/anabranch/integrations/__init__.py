"""What other programs find Anabranch by: URLs of fsspec, magics of notebooks."""
