# What people do with git besides clone and commit: work trees, hooks, a conflict, a search by bisection, signed commits.
export GIT_CONFIG_GLOBAL=$PWD/gitconfig
git config --global init.defaultBranch main
git config --global user.name A
git config --global user.email a@example.org
git config --global advice.detachedHead false
git init -q project
cd project
printf '#!/bin/sh\nif git grep --cached -q FORBIDDEN; then echo hook refuses; exit 1; fi\n' >.git/hooks/pre-commit
printf '#!/bin/sh\necho "Checked-by: hook" >>"$1"\n' >.git/hooks/commit-msg
chmod +x .git/hooks/pre-commit .git/hooks/commit-msg
for number in 1 2 3 4 5 6; do
  echo "line $number" >>file
  git add file
  git commit -q -m "commit $number"
done
git log -1 --format=%B
echo FORBIDDEN >other && git add other
git commit -q -m no 2>&1 || git rm -q --cached -f other
git worktree add -q -b side ../side HEAD~2
(cd ../side && echo side >side.txt && git add . && git commit -q -m side && git rebase -q main && git log --oneline --format=%s)
git worktree list | wc -l
git merge -q --no-ff -m merged side
git worktree remove ../side
git bisect start HEAD HEAD~5 >/dev/null 2>&1
git bisect run sh -c '! grep -q "line 4" file' | grep -o 'is the first bad commit'
git bisect reset 2>/dev/null
git switch -qc conflict HEAD~1
sed -i 's/line 1/line one/' file && git commit -qam one
git switch -q main && sed -i 's/line 1/LINE 1/' file && git commit -qam two
git merge conflict | tail -n 1 | cut -c 1-22
git checkout -q --theirs file && git add file && git commit -q -m resolved
git stash list && echo change >>file && git stash -q && git stash pop -q && git diff --stat | tail -n 1
git checkout -q file
ssh-keygen -q -t ed25519 -N '' -f ../signer
git config gpg.format ssh && git config user.signingkey "$PWD/../signer"
echo "a@example.org $(cat ../signer.pub)" >../signers && git config gpg.ssh.allowedSignersFile "$PWD/../signers"
git commit -q -S --allow-empty -m signed && git verify-commit HEAD 2>&1 | cut -d ' ' -f 1-5
git -c protocol.file.allow=always submodule add -q "$PWD/../project" part 2>/dev/null && git commit -q -m part && ls part
git gc -q && git fsck --strict --no-progress && git archive HEAD | tar -t
git format-patch -q -1 HEAD~3 && git blame -s file | wc -l && git grep -c line
