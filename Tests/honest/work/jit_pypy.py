"""Loops that PyPy compiles."""

total = 0
for number in range(3_000_000):
    total = (total * 31 + number) % 1_000_003
print("loop", total)
words = {}
for number in range(200_000):
    words[f"key{number % 101}"] = words.get(f"key{number % 101}", 0) + number
print("words", len(words), sum(words.values()))
