# A terminal session kept by script, with its size, a prompt that asks, and a pager.
script -qec 'tty | cut -c 1-9; stty rows 30 cols 90; stty size; echo to the terminal >/dev/tty' kept </dev/null
grep -c 'to the terminal' kept
printf 'yes\n' | script -qec 'read answer; echo "heard $answer"' kept
printf 'q' | script -qec 'seq 1 200 | TERM=xterm more' kept | head -n 3
script -qec 'bash -ic "sleep 30 & kill %1; wait; echo job control"' kept </dev/null | grep 'job control'
