# What programs in C share memory and wait for each other with; and the tools that list it.
gcc -D_GNU_SOURCE -O -Wall -o ipc "$1/ipc.c"
./ipc
ipcs >list && grep -c 'Shared Memory' list
key=$(ipcmk -M 4096 | tr -dc 0-9) && ipcrm -m "$key" && echo made and removed
df /dev/shm >/dev/null && ls /dev/shm >/dev/null && echo seen
