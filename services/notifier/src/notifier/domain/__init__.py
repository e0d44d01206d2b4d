"""Pure decisions: which mail an event owes to whom, in which words, and what an answer of Loops means."""
