"""What commands read and write, seen from outside: by the system calls they make.

A *supervisor*, a process of its own for each command, starts it with a filter on the system calls that name files. The kernel stops
each such call until the supervisor has noted it (``SECCOMP_RET_USER_NOTIF``, seccomp_unotify(2)); nothing is changed on the way. It
takes no privilege, and reaches children, static programs and every language.
"""
