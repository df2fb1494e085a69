"""Root cause, lesson, control and proof."""
