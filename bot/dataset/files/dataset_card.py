"""The dataset card: the README.md of a Hugging Face dataset folder."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# the hub's size categories by upper bound
_SIZE_CATEGORIES = ((1_000, "n<1K"), (10_000, "1K<n<10K"), (100_000, "10K<n<100K"), (1_000_000, "100K<n<1M"))
_LARGEST_SIZE_CATEGORY = "1M<n<10M"

_NO_LICENCE_COMMENT = (
    "# license: the owner has not chosen one yet; write its identifier here, for example cc-by-4.0"
)

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

Short descriptions of fictional superheroes, each written for an age, a gender and a power, to train
language models on. The people in it do not exist. Most of it is synthetic text, made by a language model, and
nobody has checked every text for mistakes, bias or taste.

## How it was made

A model is asked for a description of each hero, and rules reject answers that miss their hero. Descriptions
that the users of a Herosmith bot liked, rows of files, and the first dataset that comes with the bot may be
among them: `source` says it of each row.

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
| sub_prompt | age, gender and power in one; followed by ` ->`, what a trained model is asked |
| response_txt | the text |
| finish_reason | why the author model ended, where it is known |
| split | train, valid or, where nobody has decided, nothing |
| source | who a text is from: see below; nothing, if it is not known |

`source` is `example` (a model wrote it for this dataset), `description` (users of the bot liked it), `import`
(from a file), `herosmith-build` (a small model wrote it in the build that comes with the bot),
`hand-written` (written one by one for the first dataset, which comes with the bot) or `ranked` (the bot's
tuned model wrote it, and a ranker fitted on users' votes chose it; nobody has voted on it).

## Provenance

Exported by Herosmith, a Discord bot that trains its own language model. No field names a user.
{terms}
"""


@dataclass(frozen=True, slots=True)
class DatasetCard:
    """What the card says beside the numbers of rows."""

    title: str = "Herosmith descriptions"
    licence: str | None = None  # an identifier of the hub, such as cc-by-4.0
    recipe: Mapping[str, Any] = field(default_factory=dict)
    counts: Mapping[str, int] = field(default_factory=dict)

    def markdown(self, rows: Mapping[str, int]) -> str:
        """Return the card as Markdown.

        rows: the number of rows by split.
        """
        return _TEMPLATE.format(
            licence=f"license: {_yaml_string(self.licence)}" if self.licence else _NO_LICENCE_COMMENT,
            title=" ".join(self.title.split()),
            title_in_quotes=_yaml_string(self.title),
            size=next(
                (name for limit, name in _SIZE_CATEGORIES if sum(rows.values()) < limit),
                _LARGEST_SIZE_CATEGORY,
            ),
            data_files="\n".join(f"  - split: {name}\n    path: data/{name}-*.parquet" for name in rows),
            recipe=_json_block(self.recipe),
            counts=_json_block(self.counts),
            rows="\n".join(f"| {name} | {number} |" for name, number in rows.items()),
            terms=f"Licence: {self.licence}." if self.licence else "The owner has not chosen a licence yet.",
        )


def _yaml_string(text: str) -> str:
    """Quote a string for YAML, of which JSON strings are a subset."""
    return json.dumps(text, ensure_ascii=False)


def _json_block(values: Mapping[str, Any]) -> str:
    """Format values as a JSON code block; JSON escaping keeps values from ending the block."""
    if not values:
        return "Not noted."
    return f"```json\n{json.dumps(dict(values), indent=2, ensure_ascii=False, default=str)}\n```"
