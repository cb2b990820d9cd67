"""Fixtures of tests of reports."""

from collections.abc import AsyncIterator

import pytest

from bot.settings import Settings
from tests.conftest import Stage
from tests.support.admin_channel import AdminChannel, admin_channel


@pytest.fixture
async def admins(stage: Stage, settings: Settings) -> AsyncIterator[AdminChannel]:
    async with admin_channel(stage, settings) as opened:
        yield opened
