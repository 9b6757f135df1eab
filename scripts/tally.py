"""Adds up the results of meson test, each line of TAP counting as one, and says why tests were skipped.

Arguments: PATH=STATUS, where PATH*.json are meson's logs and STATUS is what meson test returned; or REASON=skip for a run left out.
Python because meson, which cannot run without it, is there anyway."""
import glob
import json
import re
import sys

LINE = re.compile(r'^\s*(not )?ok\b(?:\s+\d+)?\s*(?:-\s*)?([^#\n]*)(?:#\s*(skip|todo)\S*\s*(.*))?$', re.IGNORECASE)
PLAN = re.compile(r'^1\.\.(\d+)(?:\s*#\s*skip\S*\s*(.*))?$', re.IGNORECASE)

passed, failed, skipped = 0, [], []


def count_tap(name, text):
    """Counts the lines of one test; False if they say that something failed."""
    global passed
    good, seen, planned = True, 0, None
    for line in text.splitlines():
        plan = PLAN.match(line)
        if plan:
            planned = int(plan.group(1))
            if planned == 0:
                skipped.append((name, plan.group(2) or 'no reason given'))
            continue
        match = LINE.match(line)
        if not match:
            if line.startswith('Bail out!'):
                failed.append((name, line))
                good = False
            continue
        seen += 1
        bad, what, directive, reason = match.groups()
        what = f'{name}: {what.strip()}'
        if directive and directive.lower() == 'skip':
            skipped.append((what, reason or 'no reason given'))
        elif bad and not directive:
            failed.append((what, ''))
            good = False
        else:
            passed += 1
    if planned is not None and planned != seen:
        failed.append((name, f'{planned} results were planned, {seen} came'))
        good = False
    return good


def count(entry):
    """One test of meson: a line of its log."""
    global passed
    name, result = entry['name'].rsplit(' / ', 1)[-1], entry['result']
    text = entry.get('stdout') or ''
    if any(PLAN.match(line) for line in text.splitlines()):
        # Every line was good, and still: a crash at the end, a leak, or too late.
        if count_tap(name, text) and result not in ('OK', 'SKIP', 'EXPECTEDFAIL'):
            failed.append((name, f"{result}, status {entry.get('returncode')}"))
    elif result in ('OK', 'EXPECTEDFAIL'):
        passed += 1
    elif result == 'SKIP':
        lines = text.strip().splitlines()
        skipped.append((name, lines[-1] if lines else 'no reason given'))
    else:
        failed.append((name, f"{result}, status {entry.get('returncode')}"))


for argument in sys.argv[1:]:
    path, status = argument.rsplit('=', 1)
    if status == 'skip':
        skipped.append(('valgrind', path))
        continue
    before = len(failed)
    entries = []
    for log in glob.glob(glob.escape(path) + '*.json'):
        with open(log, encoding='utf-8', errors='replace') as lines:
            entries += [json.loads(line) for line in lines if line.strip()]
    for entry in entries:
        count(entry)
    if not entries:
        failed.append((path, 'no test has run'))
    elif status != '0' and len(failed) == before:
        failed.append((path, f'meson test returned {status}'))

print()
for what, why in skipped:
    print(f'skipped: {what}: {why}')
for what, why in failed:
    print(f'failed: {what}' + (f': {why}' if why else ''))
print(f'{passed} passed, {len(failed)} failed, {len(skipped)} skipped')
sys.exit(1 if failed else 0)
