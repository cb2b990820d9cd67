"""Dataset card: the README that tells people and the Hugging Face hub what a folder of texts is."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# The hub's words for how many rows there are
_SIZES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_MORE = "1M<n<10M"

_NO_LICENCE = "# license: the owner has not chosen one yet; write its identifier here, for example cc-by-4.0"

_TEMPLATE = """\
---
{licence}
pretty_name: {title_in_quotes}
task_categories:
- text-generation
tags:
- synthetic
size_categories:
- {size}
configs:
- config_name: default
  data_files:
{data_files}
---

# {title}

Short descriptions of fictional superheroes, each written for an age, a gender and a power, to fine-tune
language models on. This is synthetic text, made by a language model: the people in it do not exist, and
nobody has checked every text for mistakes, bias or taste.

## How it was made

A model is asked for a description of each hero, and rules reject answers that miss their hero. Descriptions
that the users of a Herosmith bot liked, and rows of files, may be among them: `source` says it of each row.

What was asked for:

{recipe}

What was counted when this version was made:

{counts}

## Splits

| split | rows |
| --- | --- |
{rows}

## Fields

All fields are strings.

| field | meaning |
| --- | --- |
| age, gender, power | whom the text describes |
| prompt | what the author model was asked, where it is known |
| sub_prompt | age, gender and power in one; followed by ` ->`, what a tuned model is asked |
| response_txt | the text |
| finish_reason | why the author model ended, where it is known |
| split | train, valid or, where nobody has decided, nothing |
| source | example (written for the dataset), description (liked by users), import (from a file) or nothing |

## Provenance

Exported by Herosmith, a Discord bot that tunes its own language model. No field names a user.
{terms}
"""


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """What the owner of a dataset says of it; the rest follows from the rows."""

    title: str = "Herosmith descriptions"
    licence: str | None = None  # an identifier that the hub knows, such as cc-by-4.0
    recipe: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    def markdown(self, rows: Mapping[str, int]) -> str:
        """Write the card of a folder with so many rows in each split."""
        return _TEMPLATE.format(
            licence=f"license: {_in_quotes(self.licence)}" if self.licence else _NO_LICENCE,
            title=" ".join(self.title.split()),
            title_in_quotes=_in_quotes(self.title),
            size=next((name for most, name in _SIZES if sum(rows.values()) < most), _MORE),
            data_files="\n".join(f"  - split: {name}\n    path: data/{name}-*.parquet" for name in rows),
            recipe=_block(self.recipe),
            counts=_block(self.counts),
            rows="\n".join(f"| {name} | {number} |" for name, number in rows.items()),
            terms=f"Licence: {self.licence}." if self.licence else "The owner has not chosen a licence yet.",
        )


def _in_quotes(text: str) -> str:
    """Write a string as YAML does: JSON's quotes are among its own."""
    return json.dumps(text, ensure_ascii=False)


def _block(values: Mapping[str, Any]) -> str:
    """Show values as JSON, which no value can break out of."""
    if not values:
        return "Not noted."
    return f"```json\n{json.dumps(dict(values), indent=2, ensure_ascii=False, default=str)}\n```"
