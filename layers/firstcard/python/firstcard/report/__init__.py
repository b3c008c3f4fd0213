"""Reports for partnership leaders: what may be shown of the counts, and the forms it takes."""
