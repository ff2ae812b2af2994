//! Small histories in which the right answer is obvious.
