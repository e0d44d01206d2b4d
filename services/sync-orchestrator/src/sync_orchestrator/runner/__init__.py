"""What this replica does by itself: drives jobs, looks at the books, follows the schedule, reads records again."""
