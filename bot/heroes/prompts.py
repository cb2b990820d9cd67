"""The prompts of data/heroes.toml, and the sampling parameters of each."""

import random
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from itertools import chain
from string import Formatter
from typing import Annotated, Self

import pydantic.dataclasses
from pydantic import AfterValidator, model_validator

from bot.chat import ChatRequest, Message, Sampling
from bot.config import FrozenModel
from bot.heroes.grammar import in_sentences, is_third_person, plural_verb, with_articles
from bot.heroes.hero import FIELD_NAMES, Hero, check_placeholders
from bot.heroes.own_sentence import OwnSentence
from bot.heroes.plots import Plot
from bot.heroes.scene_words import SceneWords
from bot.heroes.takes import TONE_KEY, Take, Tone


class _Templates(FrozenModel):
    """The two prompts, with a Hero's fields as placeholders.

    same_opening: what a model that cannot continue a text is told for another take.
    """

    version: int
    tuning: Annotated[str, AfterValidator(check_placeholders)]
    generation: Annotated[str, AfterValidator(check_placeholders)]
    same_opening: str = "Begin with this sentence, and go on in another way than before: {opening}"


class _TunedSamplings(FrozenModel):
    """take: of a tuned model's other takes, None for as its first."""

    tuned: Sampling
    take: Sampling | None = None


class _Samplings(_TunedSamplings):
    """with_min_p: for servers that know min_p; None for as those of all others."""

    generation: Sampling
    small: Sampling
    with_min_p: _TunedSamplings | None = None


@pydantic.dataclasses.dataclass(frozen=True, slots=True, config={"extra": "forbid"})
class _WorkedExample(Hero):
    """A hero with the text that an author model is shown for it."""

    text: str = field(kw_only=True)


class _Forms(FrozenModel):
    """The pronouns of a gender, and whether verbs are in the plural with them: "they walk".

    him: None in files of older versions, whose templates do without it.
    """

    he: str
    his: str
    him: str | None = None
    himself: str
    plural: bool = False


PRONOUNS = ("he", "his", "him", "himself")

_Phrases = Annotated[tuple[str, ...], pydantic.Field(min_length=1)]


class Profile(FrozenModel):
    """What a prompt for a small author model is made of; data/heroes.toml explains how words are drawn."""

    beginning: str
    plot_beginning: str | None = None
    endings: _Phrases
    own_sentence: OwnSentence = OwnSentence()
    forms: dict[str, _Forms]
    names: dict[str, tuple[str, ...]]
    phrases: dict[str, _Phrases]
    examples: Annotated[tuple[_WorkedExample, ...], pydantic.Field(min_length=1)]
    plots: tuple[Plot, ...] = ()
    tones: dict[str, Tone] = pydantic.Field(default_factory=dict)
    toned_beginning: str | None = None

    @model_validator(mode="after")
    def _every_word_is_known(self) -> Self:
        """Refuse words in braces that are neither known nor verbs: they would end a build on its way."""
        for template in self._templates():
            for word in sorted(words_in(template) - self._nouns):
                if not is_third_person(word):
                    raise ValueError(f"{template!r} has the unknown word {{{word}}}")
        for plot in self.plots:
            if others := sorted(words_in(plot.template) & (self._nouns - {*PRONOUNS})):
                raise ValueError(
                    f"the plot {plot.template!r} has the word {{{others[0]}}}: plots know pronouns and "
                    "verbs alone"
                )
        return self

    @model_validator(mode="after")
    def _phrases_use_what_is_drawn_before(self) -> Self:
        """Refuse a phrase with a word that is drawn after it, or of its own kind: there is none yet."""
        kinds = list(self.phrases)
        for place, kind in enumerate(kinds):
            toned = (tone.phrases.get(kind, ()) for tone in self.tones.values())
            for template in chain(self.phrases[kind], *toned):
                if later := words_in(template) & {*kinds[place:]}:
                    raise ValueError(
                        f"{template!r} of {kind} has {{{min(later)}}}, which is not drawn before it"
                    )
        return self

    @model_validator(mode="after")
    def _every_gender_has_the_pronouns(self) -> Self:
        """Refuse {him} if a gender has no word for it."""
        lacking = [gender for gender, forms in self.forms.items() if forms.him is None]
        if lacking and (template := next((each for each in self._templates() if "{him}" in each), None)):
            raise ValueError(f"{template!r} has the word {{him}}, and forms.{lacking[0]} none for it")
        return self

    @model_validator(mode="after")
    def _plots_have_a_beginning(self) -> Self:
        if self.plots and self.plot_beginning is None:
            raise ValueError("there are plots, and no plot_beginning to stand before them")
        return self

    @model_validator(mode="after")
    def _tones_are_usable(self) -> Self:
        for key, tone in self.tones.items():
            if not TONE_KEY.fullmatch(key):
                raise ValueError(f"a tone is called by small letters and hyphens, up to 20, unlike {key!r}")
            if unknown := tone.phrases.keys() - self.phrases.keys():
                raise ValueError(f"tones.{key} has phrases that the profile has not: {', '.join(unknown)}")
        if self.tones and self.toned_beginning is None:
            raise ValueError("there are tones, and no toned_beginning to begin a text with")
        return self

    def plots_of(self, power: str) -> Sequence[Plot]:
        """Return the plots of a power, in the order in which a build draws them; none if it has none."""
        return self._plots_by_power.get(power, ())

    def examples_for(self, power: str) -> Sequence[_WorkedExample]:
        """Return the examples that show the form of a power's texts: with a plot or without; or else all."""
        has_plots = bool(self.plots_of(power))
        alike = [each for each in self.examples if bool(self.plots_of(each.power)) == has_plots]
        return alike or self.examples

    def frame(
        self,
        hero: Hero,
        spoken: str,
        chance: random.Random,
        turn: int | None = None,
        take: Take | None = None,
        *,
        name: str | None = None,
    ) -> tuple[str, str]:
        """Draw the opening and the ending of a description of the hero; spoken: the power in a sentence.

        turn: chooses the plot, the same one of a power for the same turn; None draws any. A take has another
        plot than its parent if there is one; none if it has a tone, whose scene a plot would not fit. name:
        the hero's; None draws one.
        """
        plots = self.plots_of(hero.power)
        words = self._draw_words(hero, spoken, chance, name, take)
        if take and take.tone:
            plots = ()
        elif take:
            plots = [each for each in plots if not self._is_told(hero, each, take.avoided)] or plots
        if not plots or self.plot_beginning is None:
            beginning, ending = self.beginning, chance.choice(self.endings)
        else:
            plot = chance.choice(plots) if turn is None else plots[turn % len(plots)]
            beginning, ending = self.plot_beginning, plot.template
        return in_sentences(beginning.format(**words)), in_sentences(ending.format(**words))

    def toned_opening(self, hero: Hero, spoken: str, take: Take, chance: random.Random) -> str:
        """Draw how a text in the take's tone begins, for a model that continues it."""
        words = self._draw_words(hero, spoken, chance, None, take)
        return in_sentences((self.toned_beginning or "{opening}").format(**words))

    def ending(self, hero: Hero, spoken: str, chance: random.Random) -> str:
        """Draw an ending that fits any deed of the hero, who has been named before."""
        words = self._draw_words(hero, spoken, chance, self.forms[hero.gender].he)
        return in_sentences(chance.choice(self.endings).format(**words))

    def _draw_words(
        self, hero: Hero, spoken: str, chance: random.Random, name: str | None, take: Take | None = None
    ) -> dict[str, object]:
        """Draw a phrase of each kind. A take brings its opening, and its tone has phrases of its own."""
        words: dict[str, object] = {
            **self._grammar(hero.gender),
            "name": name or chance.choice(self.names[hero.gender]),
            **hero.as_dict(),
            "power": spoken,
        }
        tone = self.tones.get(take.tone or "") if take else None
        toned = tone.phrases if tone else {}
        # in the order of the file: a phrase may use the words drawn before it
        for kind, phrases in self.phrases.items():
            words[kind] = chance.choice(toned.get(kind, phrases)).format(**words)
        if take and take.opening:
            words["opening"] = take.opening
        return words

    def _is_told(self, hero: Hero, plot: Plot, told: Collection[str]) -> bool:
        """Return whether a plot's ending is among the sentences of a text."""
        return in_sentences(plot.ending.format(**self._grammar(hero.gender))) in told

    def told_plot(self, hero: Hero, text: str) -> str | None:
        """Return the plot of the hero's power, in words, whose scene and deed a text has; None if none."""
        words = self._grammar(hero.gender)
        for plot in self.plots_of(hero.power):
            if in_sentences(plot.scene_and_deed.format(**words)) in text:
                return in_sentences(plot.template.format(**words))
        return None

    def _grammar(self, gender: str) -> Mapping[str, object]:
        """Return the pronouns and verbs of a gender, by the words in braces."""
        forms = self.forms[gender]
        verbs = self._plural_verbs if forms.plural else self._verbs
        return {**verbs, **{pronoun: getattr(forms, pronoun) for pronoun in PRONOUNS}}

    @cached_property
    def _plots_by_power(self) -> dict[str, list[Plot]]:
        plots: dict[str, list[Plot]] = {}
        for plot in self.plots:
            for power in plot.powers:
                plots.setdefault(power, []).append(plot)
        return plots

    @cached_property
    def _nouns(self) -> frozenset[str]:
        return frozenset((*PRONOUNS, "name", *FIELD_NAMES, *self.phrases))

    @cached_property
    def _verbs(self) -> dict[str, str]:
        """The verbs in braces, which are written in the singular: `{he} {walks}`."""
        words = frozenset().union(*map(words_in, self._templates()))
        return {word: word for word in sorted(words - self._nouns)}

    @cached_property
    def _plural_verbs(self) -> dict[str, str]:
        return {verb: plural_verb(verb) for verb in self._verbs}

    def _templates(self) -> Iterator[str]:
        yield self.beginning
        if self.plot_beginning is not None:
            yield self.plot_beginning
        yield from self.endings
        for phrases in self.phrases.values():
            yield from phrases
        for plot in self.plots:
            yield plot.template
        if self.toned_beginning is not None:
            yield self.toned_beginning
        for tone in self.tones.values():
            for phrases in tone.phrases.values():
                yield from phrases


def words_in(template: str) -> frozenset[str]:
    """Return the words in braces. Raises ValueError if a brace is not closed, or has more than a word."""
    try:
        fields = [found for found in Formatter().parse(template) if found[1] is not None]
    except ValueError as error:
        raise ValueError(f"{template!r} has a brace without its other one: {error}") from error
    for _, word, form, conversion in fields:
        if form or conversion:
            raise ValueError(f"{template!r} has more than the word {word} in braces")
    return frozenset(word for _, word, _, _ in fields if word is not None)


class Prompts(FrozenModel):
    """Makes the chat requests for a hero."""

    prompts: _Templates
    sampling: _Samplings
    profile: Profile
    spoken: dict[str, str] = pydantic.Field(default_factory=dict)
    scenes: SceneWords | None = None

    @property
    def version(self) -> int:
        return self.prompts.version

    def for_min_p(self) -> Self:
        """Return the prompts for a server that knows min_p."""
        if (known := self.sampling.with_min_p) is None:
            return self
        sampling = self.sampling.model_copy(update={"tuned": known.tuned, "take": known.take})
        return self.model_copy(update={"sampling": sampling})

    def spoken_power(self, hero: Hero) -> str:
        """Return the hero's power as it reads in a sentence: "reading thoughts"."""
        return self.spoken.get(hero.power, hero.power)

    def tuning_prompt(self, hero: Hero) -> str:
        """Return the prompt of tuned models, the same in training and serving: `40, woman, healing ->`."""
        return self.prompts.tuning.format(**hero.as_dict())

    def tuned_request(self, hero: Hero) -> ChatRequest:
        """Return the request for a tuned model."""
        return ChatRequest(({"role": "user", "content": self.tuning_prompt(hero)},), self.sampling.tuned)

    def take_request(self, hero: Hero, take: Take, *, small: bool, seed: int) -> ChatRequest:
        """Return the request for another take by a tuned model.

        A small one continues the parent's first sentence, with a tone a longer beginning that is drawn by the
        seed. Any other is told both, before the prompt that it was tuned on.
        """
        request = self.tuned_request(hero)
        request = replace(request, sampling=self.sampling.take or request.sampling, seed=seed)
        if not small:
            told = self._told(take)
            return (
                replace(request, messages=({"role": "system", "content": told}, *request.messages))
                if told
                else request
            )
        if not take.tone:
            return request.continuing(take.opening)
        chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
        return request.continuing(self.profile.toned_opening(hero, self.spoken_power(hero), take, chance))

    def _told(self, take: Take) -> str:
        """Return what a model that cannot continue a text is told for a take; empty if there is nothing."""
        opening = self.prompts.same_opening.format(opening=take.opening) if take.opening else ""
        tone = self.profile.tones.get(take.tone or "")
        return " ".join(filter(None, [tone.instruction if tone else "", opening]))

    def author_request(
        self, hero: Hero, *, small: bool, seed: int, turn: int | None = None, take: Take | None = None
    ) -> ChatRequest:
        """Return the request for an untuned model, which has the generation prompt.

        For a small model a worked example stands before the prompt, and the opening of the text after it, as
        an assistant turn that the model continues (an extension of our engine and of most servers of open
        models). An ending is set as well. The seed chooses all three, but for the plot that a turn chooses.
        What the model writes before a plot ends at the first of the profile's breaks. A take keeps the
        parent's first sentence as its opening.
        """
        chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
        question = self.question(hero, tuned=False, small=small, chance=chance)
        if not small:
            if take and (told := self._told(take)):
                question = ({"role": "user", "content": f"{question[0]['content']}\n{told}"},)
            return ChatRequest(question, self.sampling.generation, seed=seed)
        opening, ending = self.profile.frame(hero, self.spoken_power(hero), chance, turn, take)
        messages: tuple[Message, ...] = (*question, {"role": "assistant", "content": opening})
        is_plotted = self.profile.plots_of(hero.power) and not (take and take.tone)
        breaks = self.profile.own_sentence.breaks if is_plotted else ()
        return ChatRequest(messages, self.sampling.small, opening, ending, seed, breaks)

    def question(self, hero: Hero, *, tuned: bool, small: bool, chance: random.Random) -> tuple[Message, ...]:
        """Return the turns before a text: the prompt, for a small untuned model after a worked example."""
        if tuned:
            return ({"role": "user", "content": self.tuning_prompt(hero)},)
        prompt: Message = {"role": "user", "content": self.generation_prompt(hero)}
        if not small:
            return (prompt,)
        worked = chance.choice(self.profile.examples_for(hero.power))
        return (
            {"role": "user", "content": self.generation_prompt(worked)},
            {"role": "assistant", "content": worked.text},
            prompt,
        )

    def generation_prompt(self, hero: Hero) -> str:
        """Return the prompt of untuned models, a long sentence."""
        words = {**hero.as_dict(), "power": self.spoken_power(hero)}
        return with_articles(self.prompts.generation.format(**words))
