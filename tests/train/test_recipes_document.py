"""Every training and exercise is described in docs/recipes.md, and nothing is described that is not there."""
import pathlib
import re
import unittest

ROOT = pathlib.Path(__file__).resolve().parents[2]


def names_in_code():
    recipes = (ROOT / "bench/train/recipes.c").read_text()
    exercises = (ROOT / "bench/train/exercises.h").read_text()
    return (set(re.findall(r'\.name = "([^"]+)"', recipes)),
            set(re.findall(r'EXERCISE\("([^"]+)"', exercises)))


def section(title):
    text = (ROOT / "docs/recipes.md").read_text()
    return re.search(rf"^## {title}\n(.*?)(?=^## |\Z)", text, re.S | re.M).group(1)


def first_column(text):
    cells = re.findall(r"^\| ([^|]+?) \|", text, re.M)
    return [name for cell in cells if cell != "name" for name in cell.split(", ")]


class Document(unittest.TestCase):
    def test_tables_and_code_agree(self):
        trainings, exercises = names_in_code()
        self.assertGreater(len(trainings), 10)
        self.assertGreater(len(exercises), 5)
        for title, names in (("Trainings", trainings), ("Exercises", exercises)):
            described = first_column(section(title))
            self.assertEqual(sorted(described), sorted(names), title)

    def test_commands(self):
        rows = re.findall(r"^\| ([\w-]+) \|.*`flopstep train --recipe ([\w-]+)` \|$", section("Exercises"), re.M)
        self.assertEqual(len(rows), len(names_in_code()[1]))
        for name, named in rows:
            self.assertEqual(name, named)

    def test_decks_are_explained(self):
        known = set(first_column(section("The decks"))) - {"short"}
        for row in re.findall(r"^\| [^|]+ \| ([A-Za-z0-9]+) \|", section("Trainings"), re.M):
            if row != "deck":
                self.assertIn(row, known)


if __name__ == "__main__":
    unittest.main(argv=["test_recipes_document"], verbosity=1)
