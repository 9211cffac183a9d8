"""The tool ``tell``: a call that says to its client what it does."""

from fastmcp import Context


async def tell(words: list[str], context: Context) -> int:
    """Log each of `words` to the client and return how many they were."""
    for word in words:
        await context.info(word)
    return len(words)
