"""A program in which a checker of types finds a mistake in each line that is marked, and in no other."""

import tidegate


def tell(number: int, text: str) -> None:
    print(number, text)


loop = tidegate.new_event_loop(backend=3)  # wrong
loop.call_soon(tell, "1", "two")  # wrong
loop.call_later("soon", tell, 1, "two")  # wrong
tidegate.run(7)  # wrong
