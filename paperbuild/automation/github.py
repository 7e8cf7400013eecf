"""The workflows for GitHub: one builds, one comments, one attaches papers to releases. Pure.

What decides how they are cut: code of a pull request may be anybody's, so what executes it has no secrets and may only read; what may
write executes nothing of it. Caches are GitHub's per branch: what a pull request stores no other branch restores. The workflow for releases
restores none: it takes the papers that were built of the same commit, instead of building them again.

Who shares results signs them, and whoever trusts that key believes them. So a pull request gets no key, and of the store's credentials only
those that read: also one from a branch of the same repository, whose code nobody has looked at yet.
"""

from __future__ import annotations

import shlex
from collections.abc import Mapping

from paperbuild.automation.generated import Settings, signed

_PINS = {
    "CHECKOUT": "actions/checkout@3d3c42e5aac5ba805825da76410c181273ba90b1 # v7.0.1",
    "PYTHON": "actions/setup-python@5fda3b95a4ea91299a34e894583c3862153e4b97 # v7.0.0",
    "RESTORE": "actions/cache/restore@55cc8345863c7cc4c66a329aec7e433d2d1c52a9 # v6.1.0",
    "SAVE": "actions/cache/save@55cc8345863c7cc4c66a329aec7e433d2d1c52a9 # v6.1.0",
    "UPLOAD": "actions/upload-artifact@043fb46d1a93c77aae656e7c1c64a875d1fc6a0a # v7.0.1",
    "DOWNLOAD": "actions/download-artifact@3e5f45b2cfb9172054b4087a40e8e0b5a5461e7c # v8.0.1",
    "UPLOAD_PAGES": "actions/upload-pages-artifact@fc324d3547104276b827a68afc52ff2a11cc49c9 # v5.0.0",
    "DEPLOY_PAGES": "actions/deploy-pages@368f82528645a54fb793d4d04e342629a3f51346 # v5.0.1",
}
"""Actions by the commit of a release: a tag can be moved to other code, a commit cannot."""

_CREDENTIALS: Mapping[str, Mapping[str, str]] = {
    "s3": {"AWS_ACCESS_KEY_ID": "AWS_READ_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY": "AWS_READ_SECRET_ACCESS_KEY"},
    "gs": {"GOOGLE_SERVICE_ACCOUNT_KEY": "GOOGLE_READ_SERVICE_ACCOUNT_KEY"},
    "az": {
        "AZURE_STORAGE_ACCOUNT_NAME": "AZURE_STORAGE_ACCOUNT_NAME",
        "AZURE_STORAGE_SAS_TOKEN": "AZURE_STORAGE_READ_SAS_TOKEN",
    },
}
"""For each kind of store: the variables that open it, each called as the secret is, and the secrets that only read."""

_READ_ONLY = frozenset({"", "https", "http"})
_HOSTED = "ubuntu-24.04"
CIRUN = ".cirun.yml"


def workflows(settings: Settings, pages: Mapping[str, str]) -> Mapping[str, str]:
    """Return the files by their paths in the repository; ``pages`` are the documents to publish, by the names they get there."""
    bodies = {
        ".github/workflows/paper.yml": _paper(settings, pages),
        ".github/workflows/paper-comment.yml": _COMMENT,
        ".github/workflows/paper-release.yml": _RELEASE,
    }
    return {path: signed("github", settings, _filled(text, settings)) for path, text in bodies.items()}


def cirun() -> str:
    """Return a first configuration for Cirun: which machine is started for a job that asks for a GPU. It is the user's from then on."""
    return _CIRUN


def _paper(settings: Settings, pages: Mapping[str, str]) -> str:
    routed = settings.runner != ""
    text = _BEGIN + (_ROUTED if routed else "") + _BUILD
    text = text.replace("@NEEDS@", _NEEDS if routed else "")
    text = text.replace("@RENDER@", "render --no-gpu" if routed else "render")
    if not settings.pages:
        return text.replace("@SITE@", "")
    copies = "".join(f'          cp -- {shlex.quote(path)} "$RUNNER_TEMP/site"/{shlex.quote(name)}\n' for name, path in pages.items())
    return text.replace("@SITE@", _SITE.replace("@COPIES@", copies)) + _PAGES


def _access(remote: str) -> str:
    """Return the variables of a step that builds: what signs and writes for commits, what reads for pull requests."""
    if remote in _READ_ONLY:
        return ""
    trusted = "github.event_name != 'pull_request' && "
    lines = [f"          PAPERBUILD_KEY: ${{{{ {trusted}secrets.PAPERBUILD_KEY || '' }}}}\n"]
    for variable, reading in _CREDENTIALS.get(remote, {}).items():
        secret = f"secrets.{variable}" if variable == reading else f"{trusted}secrets.{variable} || secrets.{reading}"
        lines.append(f"          {variable}: ${{{{ {secret} }}}}\n")
    return "".join(("        env: # what signs and writes is not for pull requests, whose code nobody has looked at\n", *lines))


def _filled(text: str, settings: Settings) -> str:
    folder = f"{settings.project}/" if settings.project else ""
    fills = {
        **{f"@{name}@": pin for name, pin in _PINS.items()},
        "@HOSTED@": _HOSTED,
        "@INSTALL@": settings.install,
        "@PYTHON_VERSION@": settings.python,
        "@CALL@": f"paperbuild -C {shlex.quote(settings.project)}" if settings.project else "paperbuild",
        "@FOLDER@": folder,
        "@ACCESS@": _access(settings.remote),
        "@LIGHT@": _LIGHT if settings.no_heavy else "",
    }
    text = text.replace("@PREPARE@", _PREPARE).replace("@SHARE@", "" if settings.remote in _READ_ONLY else _SHARE)
    for name, value in fills.items():
        text = text.replace(name, value)
    return text


_BEGIN = """\
name: paper

on:
  push:
    branches: ["**"]
  pull_request:
  workflow_dispatch:

permissions: {}

concurrency:
  group: paper-${{ github.ref }}
  cancel-in-progress: ${{ github.event_name == 'pull_request' }}
@LIGHT@
jobs:
"""

_LIGHT = """
env:
  PAPERBUILD_NO_HEAVY: "1" # others make what is heavy; the check fails while that is out of date
"""

_PREPARE = """\
      - uses: @CHECKOUT@
        with:
          fetch-depth: 0 # what changed is told against an earlier commit
          persist-credentials: false
      - uses: @PYTHON@
        with:
          python-version: "@PYTHON_VERSION@"
      - name: Install
        run: @INSTALL@
      - name: Restore results of earlier builds
        uses: @RESTORE@
        with:
          path: .paperbuild
          key: paperbuild-${{ runner.os }}-${{ runner.arch }}-${{ github.run_id }}-${{ github.run_attempt }}
          restore-keys: |
            paperbuild-${{ runner.os }}-${{ runner.arch }}-${{ github.run_id }}-${{ github.run_attempt }}-
            paperbuild-${{ runner.os }}-${{ runner.arch }}-
"""

_SHARE = """\
      - name: Share results
        if: ${{ !cancelled() && github.event_name != 'pull_request' }}
@ACCESS@\
        run: if [ -n "$PAPERBUILD_KEY" ]; then @CALL@ cache push; fi # what is still to be uploaded
"""

_ROUTED = """\
  hosted:
    name: What needs no GPU
    runs-on: @HOSTED@
    timeout-minutes: 360
    permissions:
      contents: read
    outputs:
      gpu: ${{ steps.rest.outputs.gpu }}
    steps:
@PREPARE@\
      - name: Build what needs no GPU
        continue-on-error: true # what waits for a GPU is no failure here, and what fails is told by the last job
@ACCESS@\
        run: @CALL@ run --no-gpu --keep-going
      - name: Is a GPU needed?
        id: rest
        run: |
          targets=$(@CALL@ ci gpu)
          if [ -n "$targets" ]; then echo "gpu=true" >> "$GITHUB_OUTPUT"; fi
@SHARE@\
      - name: Keep results
        if: always()
        uses: @SAVE@
        with:
          path: .paperbuild
          key: paperbuild-${{ runner.os }}-${{ runner.arch }}-${{ github.run_id }}-${{ github.run_attempt }}-hosted

  gpu:
    name: What asks for a GPU
    needs: hosted
    # Not for forks: their code would run on a machine that somebody pays for.
    if: >-
      needs.hosted.outputs.gpu == 'true' &&
      (github.event_name != 'pull_request' || github.event.pull_request.head.repo.full_name == github.repository)
    runs-on: "cirun-gpu--${{ github.run_id }}"
    timeout-minutes: 1440
    permissions:
      contents: read
    steps:
@PREPARE@\
      - name: Build what asks for a GPU
@ACCESS@\
        run: @CALL@ ci gpu | xargs -r @CALL@ run --keep-going
@SHARE@\
      - name: Keep results
        if: always()
        uses: @SAVE@
        with:
          path: .paperbuild
          key: paperbuild-${{ runner.os }}-${{ runner.arch }}-${{ github.run_id }}-${{ github.run_attempt }}-gpu

"""

_NEEDS = """\
    needs: [hosted, gpu]
    if: ${{ !cancelled() }}
"""

_BUILD = """\
  paper:
    name: Build the paper
@NEEDS@\
    runs-on: @HOSTED@
    timeout-minutes: 360
    permissions:
      contents: read
    steps:
@PREPARE@\
      - name: Build
@ACCESS@\
        run: @CALL@ @RENDER@ --keep-going --report "$RUNNER_TEMP/build.json"
@SHARE@\
      - name: Do the words agree with the results?
        if: ${{ !cancelled() }}
        run: @CALL@ check --strict
      - name: What changed
        if: ${{ !cancelled() }}
        continue-on-error: true # the first commit has nothing before it
        env:
          BASE: ${{ github.base_ref }}
          BEFORE: ${{ github.event.before }}
        run: |
          revision=HEAD^
          if [ -n "$BASE" ]; then revision=$(git merge-base "origin/$BASE" HEAD)
          elif git cat-file -e "$BEFORE^{commit}" 2>/dev/null; then revision=$BEFORE; fi
          @CALL@ diff "$revision" --markdown > "$RUNNER_TEMP/diff.md"
          @CALL@ diff "$revision" --html "$RUNNER_TEMP/diff.html"
      - name: Summary
        if: ${{ !cancelled() }}
        run: |
          @CALL@ ci summary --build "$RUNNER_TEMP/build.json" --diff "$RUNNER_TEMP/diff.md" > "$RUNNER_TEMP/summary.md"
          cat "$RUNNER_TEMP/summary.md" >> "$GITHUB_STEP_SUMMARY"
      - name: Collect
        if: ${{ !cancelled() }}
        run: |
          mkdir -p "$RUNNER_TEMP/paper"
          cp -R @FOLDER@_build/. "$RUNNER_TEMP/paper/" || echo "there is no paper"
          for file in build.json diff.html summary.md; do
            if [ -e "$RUNNER_TEMP/$file" ]; then cp "$RUNNER_TEMP/$file" "$RUNNER_TEMP/paper/"; fi
          done
      - uses: @UPLOAD@
        if: ${{ !cancelled() }}
        with:
          name: paper
          path: ${{ runner.temp }}/paper
@SITE@\
      - name: Forget results that nobody used for a month
        if: ${{ !cancelled() }}
        run: @CALL@ cache gc --older 30d --max-size 5GB
      - name: Keep results
        if: ${{ !cancelled() }}
        uses: @SAVE@
        with:
          path: .paperbuild
          key: paperbuild-${{ runner.os }}-${{ runner.arch }}-${{ hashFiles('.paperbuild/records/**') }}
"""

_SITE = """\
      - name: Site
        if: github.event_name != 'pull_request' && github.ref_name == github.event.repository.default_branch
        run: |
          mkdir -p "$RUNNER_TEMP/site"
@COPIES@\
      - uses: @UPLOAD_PAGES@
        if: github.event_name != 'pull_request' && github.ref_name == github.event.repository.default_branch
        with:
          path: ${{ runner.temp }}/site
"""

_PAGES = """\

  pages:
    name: Publish the page
    needs: paper
    if: github.event_name != 'pull_request' && github.ref_name == github.event.repository.default_branch
    runs-on: @HOSTED@
    timeout-minutes: 15
    permissions:
      pages: write # publishes
      id-token: write # proves to GitHub's Pages which run this is
    environment:
      name: github-pages
      url: ${{ steps.deploy.outputs.page_url }}
    steps:
      - uses: @DEPLOY_PAGES@
        id: deploy
"""

_COMMENT = """\
# Says below a pull request which numbers moved. It may write there, so it executes nothing of the pull request, and takes
# from it only a text.
name: paper-comment

on:
  workflow_run: # zizmor: ignore[dangerous-triggers] nothing of the other run is executed here, and nothing of it is checked out
    workflows: [paper]
    types: [completed]

permissions: {}

concurrency:
  group: paper-comment-${{ github.event.workflow_run.head_repository.full_name }}-${{ github.event.workflow_run.head_branch }}
  cancel-in-progress: true

jobs:
  comment:
    name: Comment on the pull request
    if: github.event.workflow_run.event == 'pull_request' && github.event.workflow_run.conclusion != 'cancelled'
    runs-on: @HOSTED@
    timeout-minutes: 10
    permissions:
      actions: read # takes what the other run uploaded
      pull-requests: write # comments
    steps:
      - uses: @DOWNLOAD@
        with:
          name: paper
          path: ${{ runner.temp }}/paper
          run-id: ${{ github.event.workflow_run.id }}
          github-token: ${{ github.token }}
      - name: Comment
        env:
          GH_TOKEN: ${{ github.token }}
          REPOSITORY: ${{ github.repository }}
          COMMIT: ${{ github.event.workflow_run.head_sha }}
          OWNER: ${{ github.event.workflow_run.head_repository.owner.login }}
          BRANCH: ${{ github.event.workflow_run.head_branch }}
          RUN: ${{ github.event.workflow_run.html_url }}
        run: |
          # Which pull request it is GitHub says, not the text.
          number=$(gh api --method GET "repos/$REPOSITORY/pulls" -f state=open -f "head=$OWNER:$BRANCH" \\
            --jq ".[] | select(.head.sha == env.COMMIT) | .number" | head -n 1)
          if [ -z "$number" ]; then echo "the pull request has gone on"; exit 0; fi
          mark="<!-- paperbuild -->"
          {
            printf '%s\\n' "$mark"
            head -c 60000 "$RUNNER_TEMP/paper/summary.md"
            printf '\\n\\n[PDF, page and differences](%s) of %s\\n' "$RUN" "$COMMIT"
          } > "$RUNNER_TEMP/body.md"
          comment=$(gh api --paginate "repos/$REPOSITORY/issues/$number/comments" \\
            --jq '.[] | select(.user.login == "github-actions[bot]" and (.body | startswith("<!-- paperbuild -->"))) | .id' | head -n 1)
          if [ -n "$comment" ]; then
            gh api --method PATCH "repos/$REPOSITORY/issues/comments/$comment" -F "body=@$RUNNER_TEMP/body.md" --silent
          else
            gh api --method POST "repos/$REPOSITORY/issues/$number/comments" -F "body=@$RUNNER_TEMP/body.md" --silent
          fi
"""

_RELEASE = """\
# Attaches the papers to a release: those that were built of its commit, so that what is released is what was looked at.
name: paper-release

on:
  release:
    types: [published]

permissions: {}

concurrency:
  group: paper-release-${{ github.ref }}
  cancel-in-progress: false

jobs:
  attach:
    name: Attach the papers to the release
    runs-on: @HOSTED@
    timeout-minutes: 60
    permissions:
      actions: read # takes what the build uploaded
      contents: write # attaches files to the release
    steps:
      - name: Attach
        env:
          GH_TOKEN: ${{ github.token }}
          GH_REPO: ${{ github.repository }}
          COMMIT: ${{ github.sha }}
          TAG: ${{ github.event.release.tag_name }}
        run: |
          run=$(gh run list --workflow paper.yml --commit "$COMMIT" --json databaseId --jq '.[0].databaseId // empty')
          if [ -z "$run" ]; then
            echo "::error::no build of $COMMIT is there: push it to a branch first, then release it"
            exit 1
          fi
          gh run watch "$run" --exit-status > /dev/null
          gh run download "$run" --name paper --dir "$RUNNER_TEMP/paper"
          find "$RUNNER_TEMP/paper" -maxdepth 1 -type f \\( -name '*.pdf' -o -name '*.html' -o -name '*.docx' \\) ! -name diff.html \\
            -exec gh release upload "$TAG" --clobber {} +
"""

_CIRUN = """\
# Which machine Cirun (https://cirun.io) starts for the jobs that ask for a GPU. Yours to edit: paperbuild writes it once.
# Cloud, machine and image are those of Cirun's own example for Google Cloud; `gpu` installs the drivers.
# https://docs.cirun.io/reference/yaml
runners:
  - name: gpu-runner
    cloud: gcp
    gpu: nvidia-tesla-t4
    instance_type: n1-standard-4
    machine_image: ubuntu-minimal-2004-lts
    preemptible: false
    labels:
      - cirun-gpu
"""
