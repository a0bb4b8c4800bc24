"""The page that ``mlterm export --format html`` makes: what it says of runs, and, under assets,
the markup, style and script that show it."""
