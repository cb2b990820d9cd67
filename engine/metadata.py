"""Metadata that a client attaches to a job, a batch or a response, to find it again."""

from typing import Annotated

from pydantic import Field

_Key = Annotated[str, Field(min_length=1, max_length=64)]
_Value = Annotated[str, Field(max_length=512)]
Metadata = Annotated[dict[_Key, _Value], Field(max_length=16)]
