"""Example: a function that holds a large image in memory. Below 320 MB it is killed."""

PAGE = 4096
IMAGE_BYTES = 264 * 1024 * 1024


def handler(event, context):
    """Fill an image, a stripe in every page, and count the bright stripes."""
    image = bytearray(IMAGE_BYTES)
    stripes = len(range(0, len(image), PAGE))
    image[::PAGE] = bytes(index % 256 for index in range(stripes))
    return {"megabytes": len(image) // 2**20, "bright": sum(image[::PAGE]) // 255}
