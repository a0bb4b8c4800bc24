"""What a job costs, sampled from outside: system.jsonl, and what the finish record says of it."""
