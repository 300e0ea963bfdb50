"""Runs a command on a terminal of its own: on-terminal.py ROWS COLUMNS COMMAND ...

Passes on what it writes. Reads orders from standard input, a JSON object a line: {"keys": "q"}, {"size": [24, 80]} or
{"signal": 15}. Ends with the command's exit code, or with 99 when it leaves the terminal other than it found it.
"""

import fcntl
import json
import os
import select
import struct
import sys
import termios

rows, columns, *command = sys.argv[1:]
terminal, command_side = os.openpty()


def resize(rows, columns):
    fcntl.ioctl(terminal, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))


def obey(order):
    if "keys" in order:
        os.write(terminal, order["keys"].encode())
    if "size" in order:
        resize(*order["size"])
    if "signal" in order:
        os.kill(child, order["signal"])


def pass_on():
    while select.select([terminal], [], [], 0)[0]:
        sys.stdout.buffer.write(os.read(terminal, 65536))
        sys.stdout.buffer.flush()


resize(int(rows), int(columns))
settings = termios.tcgetattr(command_side)
child = os.fork()
if child == 0:
    os.setsid()
    fcntl.ioctl(command_side, termios.TIOCSCTTY, 0)
    for descriptor in (0, 1, 2):
        os.dup2(command_side, descriptor)
    os.execvp(command[0], command)

listening = [sys.stdin]
while True:
    for source in select.select([terminal, *listening], [], [], 0.02)[0]:
        if source == terminal:
            pass_on()
        elif line := sys.stdin.readline():
            obey(json.loads(line))
        else:
            listening = []
    ended, status = os.waitpid(child, os.WNOHANG)
    if ended:
        break
pass_on()
sys.exit(os.waitstatus_to_exitcode(status) if termios.tcgetattr(command_side) == settings else 99)
