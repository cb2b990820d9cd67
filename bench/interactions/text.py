"""The text that every hero gets."""

TEXT = (
    "Robin is a 40-year-old woman with the power of healing. She mends clocks in a harbour town and sleeps "
    "above the quiet workshop. She keeps the gift of healing quiet, because the town talks. She wears a grey "
    "coat with deep pockets full of chalk, string and maps. When somebody calls, she is there before "
    "the kettle boils."
)
