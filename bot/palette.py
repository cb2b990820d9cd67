"""The colours of the product, as #rrggbb: of messages in Discord, and of charts."""

MODEL = "#5865f2"  # a tuned model and what it wrote; in a chart, what it learnt
BASE = "#979c9f"  # the untuned base model
CONTEST = "#f1c40f"  # duels, and the best texts
UNSEEN = "#e67e22"  # in a chart, what is measured on texts that were kept from the training
COUNT = "#57a773"  # in a chart, how often something happened

# Of hero cards, light and dark: the paper, what is written on it, and what is written small; then the accent
# of each family of powers (bot/heroes/power_families.py).
CARD_LIGHT = ("#fbf8f3", "#1d1b22", "#6d6873")
CARD_DARK = ("#17161c", "#f4f0e8", "#a29daa")
CARD_ACCENTS = {
    "moving": ("#1f6fb5", "#6db4ee"),
    "sensing": ("#0f766e", "#5cc9bd"),
    "minds": ("#7a3fb0", "#c193ec"),
    "elements": ("#c2491d", "#f59063"),
    "healing": ("#2f7d3b", "#7fcf8b"),
    "strength": ("#a3262f", "#ef8087"),
    "shapes": ("#4a4fb8", "#9da2f5"),
    "making": ("#93611a", "#e0b062"),
    "time": ("#3a5a78", "#93b7d6"),
    "luck": ("#7c7a12", "#d3cf5a"),
    "talking": ("#b0307a", "#f08cc2"),
    "gifts": ("#8a4b2f", "#dfa183"),
    "": ("#55525e", "#b9b5c2"),
}
