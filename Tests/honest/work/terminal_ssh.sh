# A client of OpenSSH at a server outside (PORT), whose key it makes itself: commands, a pipe, terminals on both sides.
port=$1
ssh-keygen -q -t ed25519 -N '' -f key
to() {
  ssh -F /dev/null -p "$port" -i key -o BatchMode=yes -o StrictHostKeyChecking=no -o UserKnownHostsFile="$PWD/known" \
    -o LogLevel=ERROR "$@"
}
cp key.pub allowed # where the server looks
to 127.0.0.1 'tty >/dev/null || echo no terminal; echo said to stderr >&2' 2>&1
to -tt 127.0.0.1 'tty >/dev/null && echo a terminal' </dev/null | tr -d '\r'
echo through the pipe | to 127.0.0.1 'tr a-z A-Z'
script -qec "stty rows 31 cols 97; ssh -F /dev/null -tt -p $port -i key -o BatchMode=yes -o UserKnownHostsFile=known \
  -o LogLevel=ERROR 127.0.0.1 'stty size; echo both sides'" kept </dev/null | tr -d '\r'
echo copied >file
scp -q -F /dev/null -P "$port" -i key -o UserKnownHostsFile=known file 127.0.0.1:"$PWD/file.copy"
cat file.copy
rsync -a -e "ssh -F /dev/null -p $port -i key -o UserKnownHostsFile=known" file 127.0.0.1:"$PWD/file.synced"
cat file.synced
