"""What each provider's API accepts, keeps and shows, by its documentation."""

from tests.support.scripted_trainings import ProviderQuirks

_COMMON = frozenset({"validation_file", "suffix", "seed"})
_OPENAI = _COMMON | {"method", "hyperparameters", "metadata"}

QUIRKS = {
    "engine": ProviderQuirks(),
    "openai": ProviderQuirks(takes=_OPENAI),
    "azure": ProviderQuirks(
        takes=_COMMON | {"method", "hyperparameters"},
        wants={"trainingType": frozenset({"Standard", "GlobalStandard", "developerTier"})},
        bom=True,
        dots_in_suffix=False,
        longest_suffix=18,
        keeps_metadata=False,
        suffix_shown="suffix",
        reads=2,
    ),
    "nebius": ProviderQuirks(
        takes=_COMMON | {"method", "hyperparameters"},
        hyperparameters=frozenset({"n_epochs", "batch_size", "learning_rate", "lora"}),
        keeps_metadata=False,
        keeps_names=False,
        suffix_shown="suffix",
        pauses=False,
        names_model=False,
    ),
    "crusoe": ProviderQuirks(
        takes=frozenset({"validation_file", "suffix", "hyperparameters"}),
        keeps_metadata=False,
        suffix_shown=None,
        pauses=False,
        names_model=False,
    ),
    "other": ProviderQuirks(takes=_OPENAI),
}
