"""Teams and scenes: texts in which heroes meet, and those that tell a hero's story on."""

import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from bot.chat import ChatRequest, Message, Sampling
from bot.errors import UserError
from bot.heroes.curation import sentences
from bot.heroes.grammar import in_sentences, plural_verb, with_articles
from bot.heroes.hero import Hero
from bot.heroes.prompts import PRONOUNS, Prompts, words_in
from bot.heroes.scene_words import SceneWords

_DEED_TOKENS = 48
_SCENE_TOKENS = 110


@dataclass(frozen=True, slots=True)
class TeamFrame:
    """What is given of a team's text: who each hero is, by name; what they meet; and the closing line."""

    heroes: Sequence[Hero]
    names: Sequence[str]
    introductions: Sequence[str]
    occasion: str
    closing: str

    def text(self, deeds: Sequence[str]) -> str:
        """Return the team's text with the deeds so far, a sentence of each hero."""
        told = list(deeds)
        if told:
            told[0] = f"{self.occasion}, {told[0]}"
        if len(told) == len(self.heroes):
            told.append(self.closing)
        return "\n".join([*self.introductions, *(["", " ".join(told)] if told else [])])

    def part(self, number: int, deed: str) -> str:
        """Return what one hero's answer tells: who it is, what they meet, and the deed."""
        return f"{self.introductions[number]} {self.occasion}, {deed}"


class ScenePrompts:
    """Makes the chat requests for teams and scenes.

    continues: whether the models' server continues an assistant's turn that ends the chat. Where it does, a
    text is begun, as for a small model; elsewhere a model is told what to write. small: whether the models
    are the engine's.
    """

    def __init__(self, prompts: Prompts, *, small: bool, continues: bool) -> None:
        self._prompts = prompts
        self._small = small
        self.continues = continues

    @property
    def _words(self) -> SceneWords:
        if self._prompts.scenes is None:
            raise UserError("This bot writes no teams and no stories: its heroes file has no words for them.")
        return self._prompts.scenes

    def team_frame(self, heroes: Sequence[Hero], chance: random.Random) -> TeamFrame:
        """Draw what is given of a team's text."""
        words, profile = self._words, self._prompts.profile
        names: list[str] = []
        introductions = []
        for hero in heroes:
            free = [name for name in profile.names[hero.gender] if name not in names]
            names.append(chance.choice(free or profile.names[hero.gender]))
            spoken = self._prompts.spoken_power(hero)
            beginning, _ = profile.frame(hero, spoken, chance, name=names[-1])
            introductions.append(sentences(beginning)[0])
        closing = words.closing(chance.choice(words.closings), names)
        return TeamFrame(heroes, names, introductions, in_sentences(chance.choice(words.occasions)), closing)

    def deed_request(self, frame: TeamFrame, number: int, *, tuned: bool, seed: int) -> ChatRequest:
        """Return the request for what one hero of a team does; the answer's text begins with the name."""
        hero, chance = frame.heroes[number], random.Random(seed)  # noqa: S311 (variety, not secrecy)
        opening = f"{frame.names[number]}{self._lead(hero, plural=False, tuned=tuned)}"
        messages = self._prompts.question(hero, tuned=tuned, small=self._small, chance=chance)
        begun: Message = {"role": "assistant", "content": frame.part(number, opening)}
        sampling = self._sampling(_DEED_TOKENS, tuned=tuned)
        return ChatRequest((*messages, begun), sampling, opening, seed=seed, breaks=self._breaks(tuned=tuned))

    def team_request(self, heroes: Sequence[Hero]) -> ChatRequest:
        """Return the request for all of a team's text."""
        told = "; ".join(
            self._words.team_member.format(**hero.as_dict() | {"power": self._prompts.spoken_power(hero)})
            for hero in heroes
        )
        prompt: Message = {
            "role": "user",
            "content": with_articles(self._words.team_prompt.format(heroes=told)),
        }
        return ChatRequest((prompt,), self._prompts.sampling.generation)

    def scene_request(
        self, hero: Hero, story: str, *, name: str | None, tuned: bool, seed: int
    ) -> ChatRequest:
        """Return the request for the next scene of a story, which is an assistant's turn of the chat.

        name: the hero's in the story; None if it is not known.
        An untuned model that continues a text writes one sentence of it: how the scene ends is given as well.
        """
        chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
        messages = self._prompts.question(hero, tuned=tuned, small=self._small, chance=chance)
        if not self.continues:
            chat = (*messages, *self._told(story, ""))
            return ChatRequest(chat, self._prompts.sampling.generation, seed=seed)
        opening, ending = self._scene_frame(hero, story, name, chance, tuned=tuned)
        sampling = self._sampling(_SCENE_TOKENS if tuned else _DEED_TOKENS, tuned=tuned)
        chat, breaks = (*messages, *self._told(story, opening)), self._breaks(tuned=tuned)
        return ChatRequest(chat, sampling, opening, "" if tuned else ending, seed, breaks)

    def training_chat(
        self, hero: Hero, story: str, scene: str, *, name: str | None
    ) -> tuple[list[Message], str] | None:
        """Return the turns with which a tuned model is asked for a scene, and what it then has to write.

        name: as for scene_request(). None if the scene does not begin as models are given it: to learn such a
        beginning after a story would teach a model not to end a hero's text where it ends.
        """
        prompt: Message = {"role": "user", "content": self._prompts.tuning_prompt(hero)}
        if not self.continues:
            return [prompt, *self._told(story, "")], scene
        opening = self._opening_of(hero, scene, name)
        return ([prompt, *self._told(story, opening)], scene[len(opening) :]) if opening else None

    def _told(self, story: str, opening: str) -> list[Message]:
        """Return the turns after the prompt: a model continues the story, or is told to go on with it."""
        if self.continues:
            return [{"role": "assistant", "content": f"{story} {opening}"}]
        return [
            {"role": "assistant", "content": story},
            {"role": "user", "content": self._words.scene_prompt},
        ]

    def _opening_of(self, hero: Hero, scene: str, name: str | None) -> str:
        """Return what a tuned model is given of a scene; empty if it begins in another way."""
        who = name or self._prompts.profile.forms[hero.gender].he
        for time, occasion in product(self._words.times, self._words.occasions):
            opening = _opening(time, occasion, who)
            if scene.startswith(f"{opening} "):
                return opening
        return ""

    def drawn_ending(self, hero: Hero, seed: int) -> str:
        """Return a sentence that ends a scene."""
        chance = random.Random(seed)  # noqa: S311 (variety, not secrecy)
        return self._prompts.profile.ending(hero, self._prompts.spoken_power(hero), chance)

    def _scene_frame(
        self, hero: Hero, story: str, name: str | None, chance: random.Random, *, tuned: bool
    ) -> tuple[str, str]:
        """Draw how a scene begins and ends, with a time and an occasion that the story has not had."""
        words, profile = self._words, self._prompts.profile
        forms, told = profile.forms[hero.gender], story.lower()
        time, occasion = (
            chance.choice([each for each in phrases if each.lower() not in told] or phrases)
            for phrases in (words.times, words.occasions)
        )
        lead = self._lead(hero, plural=forms.plural and name is None, tuned=tuned)
        opening = _opening(time, occasion, f"{name or forms.he}{lead}")
        return opening, profile.ending(hero, self._prompts.spoken_power(hero), chance)

    def _lead(self, hero: Hero, *, plural: bool, tuned: bool) -> str:
        """Return how a deed begins after the hero's name or pronoun: a tuned model needs no such help."""
        if tuned:
            return ""
        lead, forms = self._words.lead, self._prompts.profile.forms[hero.gender]
        pronouns = {word: getattr(forms, word) for word in PRONOUNS}
        verbs = {verb: plural_verb(verb) if plural else verb for verb in words_in(lead) - pronouns.keys()}
        return f" {lead.format(**verbs, **pronouns)}"

    def _breaks(self, *, tuned: bool) -> tuple[str, ...]:
        """Return where a sentence ends, because a small untuned model loses the thread after it."""
        return () if tuned or not self._small else self._prompts.profile.own_sentence.breaks

    def _sampling(self, most_tokens: int, *, tuned: bool) -> Sampling:
        samplings = self._prompts.sampling
        own = samplings.tuned if tuned else samplings.small if self._small else samplings.generation
        return own.model_copy(update={"max_tokens": most_tokens})


def story_text(texts: Iterable[str]) -> str:
    """Return the texts of a story so far as one."""
    return " ".join(" ".join(text.split()) for text in texts)


def _opening(time: str, occasion: str, who: str) -> str:
    return in_sentences(f"{time}, {occasion}, {who}")
