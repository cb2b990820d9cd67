"""The colours of the product, as #rrggbb: of messages in Discord, and of charts."""

MODEL = "#5865f2"  # a tuned model and what it wrote; in a chart, what it learnt
BASE = "#979c9f"  # the untuned base model
CONTEST = "#f1c40f"  # duels, and the best texts
UNSEEN = "#e67e22"  # in a chart, what is measured on texts that were kept from the training
COUNT = "#57a773"  # in a chart, how often something happened
