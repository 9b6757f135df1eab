#!/usr/bin/env python3
"""Runs the fast tests on each mutant of a mutated build.

    run.py TREE BUILD [--all | --count N | --only N[,N...]] [--jobs N] [--list]

A mutant is killed when a test that passes without it fails, crashes, or takes far more time. First each test runs once and marks the mutants whose places
it reaches; a mutant then meets only those tests, the cheapest first, but before them those that killed its last neighbours.
"""
import argparse
import hashlib
import json
import math
import os
import subprocess
import sys
import tempfile
import threading
import time
from concurrent.futures import ThreadPoolExecutor

ENOUGH = 95      # percent killed


class Test:
    def __init__(self, program, command, environment, workdir, case):
        self.name, self.command, self.workdir, self.case = f'{program}.{case}', command, workdir, case
        self.environment = dict(os.environ, **environment, TAPEGRAD_TEST=case, CK_FORK='no')
        self.environment.pop('CK_TAP_LOG_FILE_NAME', None)      # what is written to stdout goes nowhere
        self.seconds, self.reached = 0.0, frozenset()

    def run(self, mutant, limit=None, marks=None):
        """Whether it passes."""
        environment = dict(self.environment, TAPEGRAD_MUTANT=str(mutant))
        if limit is not None:
            environment['TAPEGRAD_MUTANT_SECONDS'] = str(limit)
        if marks is not None:
            environment['TAPEGRAD_MUTANT_REACHED'] = marks
        try:
            done = subprocess.run(self.command, env=environment, cwd=self.workdir, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL, timeout=None if limit is None else 20 + 20 * limit)
        except subprocess.TimeoutExpired:
            return False
        return done.returncode == 0

    def measure(self, scratch):
        marks = os.path.join(scratch, self.name)
        begin = time.monotonic()
        passes = self.run(-1, marks=marks)
        self.seconds = time.monotonic() - begin
        if passes and os.path.exists(marks):
            with open(marks, 'rb') as file:
                self.reached = frozenset(number for number, mark in enumerate(file.read()) if mark)
            os.remove(marks)
        return passes


def fast_tests(build):
    """One for each test function of each program in the suite 'fast'."""
    listed = json.loads(subprocess.run(['meson', 'introspect', '--tests', build], check=True, stdout=subprocess.PIPE, text=True).stdout)
    found = []
    for test in listed:
        if not any(suite.split(':')[-1] == 'fast' for suite in test['suite']):
            continue
        environment = dict(os.environ, **test['env'], TAPEGRAD_TEST='?')
        names = subprocess.run(test['cmd'], env=environment, cwd=test['workdir'], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True).stderr
        for case in dict.fromkeys(names.split()):
            found.append(Test(test['name'], test['cmd'], test['env'], test['workdir'], case))
    return found


def chosen(mutants, arguments):
    """Which run: all, those named, or a sample that is the same in every run and changes little when the sources change."""
    if arguments.only:
        return [m for m in mutants if m['number'] in arguments.only]
    if arguments.all or arguments.count >= len(mutants):
        return mutants
    def key(m):
        return hashlib.sha256('\0'.join((m['file'], m['rule'], m['original'], m['mutated'])).encode()).digest()
    sample = {m['number'] for m in sorted(mutants, key=lambda m: (key(m), m['number']))[:arguments.count]}
    return [m for m in mutants if m['number'] in sample]


def one_line(text):
    return ' '.join(text.replace('\\\n', ' ').split())


def line_of(m):
    return f'{m["number"]} {m["file"]}:{m["line"]} {m["rule"]}: {one_line(m["original"])} => {one_line(m["mutated"])}'


class Hunt:
    def __init__(self, tests):
        self.tests = sorted(tests, key=lambda test: test.seconds)
        self.killers, self.lock = {}, threading.Lock()

    def order(self, mutant):
        reaching = [test for test in self.tests if mutant['number'] in test.reached]
        with self.lock:
            recent = [test for test in self.killers.get(mutant['file'], []) if test in reaching]
        return recent + [test for test in reaching if test not in recent]

    def kill(self, mutant):
        """The test that kills it; None: it survives."""
        for test in self.order(mutant):
            if test.run(mutant['number'], limit=math.ceil(1 + 3 * test.seconds)):
                continue
            with self.lock:
                recent = self.killers.setdefault(mutant['file'], [])
                if test in recent:
                    recent.remove(test)
                recent.insert(0, test)
                del recent[4:]
            return test
        return None


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument('tree')
    parser.add_argument('build')
    parser.add_argument('--all', action='store_true')
    parser.add_argument('--count', type=int, default=320)
    parser.add_argument('--only', type=lambda text: {int(number) for number in text.split(',')})
    parser.add_argument('--jobs', type=int, default=os.cpu_count())
    parser.add_argument('--list', action='store_true')
    arguments = parser.parse_args()
    begin = time.monotonic()
    with open(os.path.join(arguments.tree, 'mutants.json')) as file:
        every = json.load(file)
    mutants = chosen([m for m in every if not m['refused']], arguments)
    if arguments.list:
        for m in mutants:
            print(line_of(m))
        return 0

    tests = fast_tests(arguments.build)
    with tempfile.TemporaryDirectory() as scratch, ThreadPoolExecutor(arguments.jobs) as pool:
        passes = list(pool.map(lambda test: test.measure(scratch), tests))
    failing = [test.name for test, passed in zip(tests, passes) if not passed]
    if failing:      # a test that fails anyway would kill everything
        print(f'-- without a mutant these fail: {", ".join(failing)}')
        print('0 mutants, 0 killed, 0 survived (0 %)')
        return 1
    print(f'-- {len(tests)} tests, {sum(test.seconds for test in tests):.0f} s; {time.monotonic() - begin:.0f} s gone', flush=True)

    hunt, results, done = Hunt(tests), {}, [0]
    def hunt_one(m):
        results[m['number']] = hunt.kill(m)
        done[0] += 1
        if results[m['number']] is None:
            reached = sum(m['number'] in test.reached for test in tests)
            print(f'survives{"" if reached else ", not reached"}: {line_of(m)}', flush=True)
        elif arguments.only:
            print(f'killed by {results[m["number"]].name}: {line_of(m)}')
        if done[0] % 100 == 0:
            print(f'-- {done[0]} of {len(mutants)}, {time.monotonic() - begin:.0f} s', flush=True)
    with ThreadPoolExecutor(arguments.jobs) as pool:
        list(pool.map(hunt_one, mutants))
    survived = sum(1 for test in results.values() if test is None)
    with open(os.path.join(arguments.tree, 'results.json'), 'w') as file:
        json.dump([dict(m, killed_by=results[m['number']].name if results[m['number']] else None) for m in mutants], file, indent=1)
    percent = 100 * (len(mutants) - survived) / max(1, len(mutants))
    minutes = (time.monotonic() - begin) / 60
    refused = sum(m['refused'] for m in every)
    print(f'-- {len(every) - refused} mutants compile and {refused} do not; {len(mutants)} ran, in {minutes:.1f} minutes')
    print(f'{len(mutants)} mutants, {len(mutants) - survived} killed, {survived} survived ({percent:.1f} %)')
    return 0 if percent >= ENOUGH else 1


if __name__ == '__main__':
    sys.exit(main())
