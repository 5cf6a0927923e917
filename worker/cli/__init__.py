"""The program `merzim`: one file per noun. Everything heavy is imported when its verb runs."""
