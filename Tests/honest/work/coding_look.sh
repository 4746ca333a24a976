# What agents and people look around with: processes, open files, load, the machine.
sleep 60 &
ps -ef >all && grep -c ' sleep 60' all
ps -o comm= -p $!
ps aux | awk 'NR == 1 { print $1, $11 }'
ps axjf >tree && test -s tree && echo a tree
top -b -n 1 | grep -c '^ *PID'
pgrep -f 'sleep 60' | grep -cx $!
lsof -p $! 2>/dev/null | grep -c cwd
lsof 2>/dev/null | awk 'NR == 1 { print $1, $2 }'
# The files are named after the programs.
# shellcheck disable=SC2094,SC2238
free >free && vmstat >vmstat && uptime >uptime && df . >df && mount >mount && id -un >id && w >w; ls free vmstat uptime df mount id w
# Agents have no netlink of this family: ss says so, and reads /proc.
ss -tln >sockets 2>/dev/null && ip address >addresses && grep -c 'scope host' addresses
pkill -f 'sleep 6[0]' && wait; echo ended
nproc >cores && lscpu >processor && cat /proc/meminfo /proc/self/status /proc/1/stat >proc && du -s . >size && echo looked
