"""What stands in for CPython's test.test_asyncio: a module for each thing that can happen to the runner."""
