"""Published systems as ordered lists of this project's own commands: conf/recipe/NAME.yaml."""
