"""The pipeline for GitLab. Pure."""

from __future__ import annotations

import posixpath
import shlex
from collections.abc import Mapping

from paperbuild.automation.generated import Settings, signed


def pipeline(settings: Settings, pages: Mapping[str, str]) -> Mapping[str, str]:
    """Return the files by their paths in the repository; ``pages`` as for GitHub."""
    folder = f"{settings.project}/" if settings.project else ""
    text = _PAPER
    if settings.pages:
        copies = "".join(
            f"    - {_text(shlex.join(('cp', '--', f'paperbuild-ci/{posixpath.basename(path)}', f'public/{name}')))}\n"
            for name, path in pages.items()
        )
        text += _PAGES.replace("@COPIES@", copies)
    fills = {
        "@SHARE@": "" if settings.remote in {"", "https", "http"} else _SHARE,
        "@PYTHON@": settings.python,
        "@INSTALL@": _text(settings.install),
        "@CALL@": f"paperbuild -C {shlex.quote(settings.project)}" if settings.project else "paperbuild",
        "@FOLDER@": folder,
        "@LIGHT@": _LIGHT if settings.no_heavy else "",
    }
    for name, value in fills.items():
        text = text.replace(name, value)
    return {".gitlab-ci.yml": signed("gitlab", settings, text)}


def _text(line: str) -> str:
    """Return a line as a YAML string."""
    return "'" + line.replace("'", "''") + "'"


_LIGHT = """\
    PAPERBUILD_NO_HEAVY: "1" # others make what is heavy; the check fails while that is out of date
"""

_PAPER = """\
workflow:
  rules:
    - if: $CI_PIPELINE_SOURCE == "merge_request_event"
    - if: $CI_COMMIT_BRANCH && $CI_OPEN_MERGE_REQUESTS
      when: never
    - if: $CI_COMMIT_BRANCH || $CI_COMMIT_TAG

paper:
  image: python:@PYTHON@
  variables:
    GIT_DEPTH: "0" # what changed is told against an earlier commit
@LIGHT@  cache:
    key: paperbuild-$CI_COMMIT_REF_SLUG
    fallback_keys:
      - paperbuild-$CI_DEFAULT_BRANCH
    paths:
      - .paperbuild/
    when: always
  script:
    - @INSTALL@
    - code=0
    - mkdir -p paperbuild-ci
    - @CALL@ render --keep-going --report paperbuild-ci/build.json || code=$?
@SHARE@\
    - @CALL@ check --strict || code=$?
    - |
      revision=HEAD^
      if [ -n "$CI_MERGE_REQUEST_DIFF_BASE_SHA" ]; then revision=$CI_MERGE_REQUEST_DIFF_BASE_SHA
      elif git cat-file -e "$CI_COMMIT_BEFORE_SHA^{commit}" 2>/dev/null; then revision=$CI_COMMIT_BEFORE_SHA; fi
      @CALL@ diff "$revision" --markdown > paperbuild-ci/diff.md || echo "what changed is not known"
      @CALL@ diff "$revision" --html paperbuild-ci/diff.html || echo "what changed is not known"
    - @CALL@ ci summary --build paperbuild-ci/build.json --diff paperbuild-ci/diff.md > paperbuild-ci/summary.md
    - cat paperbuild-ci/summary.md
    - cp -R @FOLDER@_build/. paperbuild-ci/ || echo "there is no paper"
    - @CALL@ cache gc --older 30d --max-size 5GB
    - exit $code
  artifacts:
    when: always
    expose_as: paper
    paths:
      - paperbuild-ci/
"""

_SHARE = """\
    - if [ -n "$PAPERBUILD_KEY" ]; then @CALL@ cache push || code=$?; fi # a protected variable: for protected branches alone
"""

_PAGES = """\

pages:
  image: python:@PYTHON@
  needs:
    - paper
  script:
    - mkdir -p public
@COPIES@\
  pages: true
  artifacts:
    paths:
      - public
  rules:
    - if: $CI_COMMIT_BRANCH == $CI_DEFAULT_BRANCH
"""
