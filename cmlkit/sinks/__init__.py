"""Sinks: the places that text of users and of other programs reaches, one module for each kind.

Names of metrics, files, models, parameters and branches come from anywhere. On its way out, each passes the function of
the place where it is read, so that it is shown and never acts:

| Place | Function | Acts there |
|---|---|---|
| terminal, job's log | `printing.show`, `printing.printable` | control characters; commands to a runner |
| commit, tag, title of a pull request | `plain_text.plain` | mentions, issue numbers, `[skip ci]`, trailers |
| markdown | `cmlkit.report.markdown` | markup, mentions, issue numbers |
| YAML | `yaml_text.inline`, `yaml_text.document` | indicators, line breaks, words that are no text |
| outputs and summary of a step | `cmlkit.ci` | delimiters |

Texts that users write themselves, as templates of titles, pass as they are; only the values that fill them do not.
"""
