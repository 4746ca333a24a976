# Copies of a tree with hard links, links, holes, modes, times and attributes: rsync, tar, cp, and what compares them.
mkdir -p from/deep/er
seq 1 2000 >from/deep/file && ln from/deep/file from/linked && ln -s deep/er from/link && chmod 640 from/linked
truncate -s 1M from/holes && printf end >>from/holes && mkfifo from/fifo
setfattr -n user.note -v kept from/linked 2>/dev/null || true
for number in $(seq 1 100); do echo "$number" >"from/deep/er/$number"; done
find from -exec touch -h -d '2020-02-02 02:02:02 UTC' {} +
rsync -aH --stats from/ to/ | grep -E '^Number of (created|regular)'
echo changed >>from/deep/er/7 && rm from/deep/er/8
rsync -aHi --delete from/ to/
rsync -aHi --delete from/ to/
test "$(stat -c %i to/deep/file)" = "$(stat -c %i to/linked)" && echo one file
rsync -a --inplace --partial --append-verify from/ again/ && rsync -a --link-dest=../to from/ linked/
diff -r --no-dereference from/deep to/deep && stat -c '%n %a %s %Y' to/holes to/linked
tar --sort=name --mtime=@0 --owner=0 --group=0 --numeric-owner -cf - -S -C from . | tar -xf - -C again --keep-newer-files 2>/dev/null
tar -czf tree.tgz from && tar -tzf tree.tgz | wc -l && gzip -dc tree.tgz | xz -0 | xz -dc | tar -tf - | tail -n 1
cp -a --reflink=auto from copied && find copied -type f -links 2 | sort && find copied -name '1*' -mtime +30 | wc -l
(cd copied && find . -type f -print0 | sort -z | xargs -0 sha256sum | sha256sum)
split -l 500 from/deep/file part. && cat part.* | cmp - from/deep/file && dd if=from/holes of=dd bs=64k conv=sparse status=none && cmp dd from/holes
# Names of its own making: none begins with a dash.
# shellcheck disable=SC2035
(flock 9; echo locked) 9>lock && flock -n lock true && rmdir "$(mktemp -d made.XXXXXX)" && mv to moved && rm -rf from moved copied && ls -d *o*
