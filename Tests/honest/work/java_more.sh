# Other collectors and modes of the virtual machine, what looks into one that runs, and the shell, which is two of them.
from=$1
mkdir classes
javac -d classes "$from/Work.java" "$from/Sleep.java"
java -Xmx64m -XX:+UseSerialGC -XX:-UsePerfData -cp classes Work | head -n 1
java -Xint -Xmx64m -version 2>/dev/null && echo interpreted
java -XX:+UseZGC -Xmx128m -version 2>/dev/null && echo collected by Z
java -XX:+UseParallelGC -XX:+AlwaysPreTouch -Xmx64m -version 2>/dev/null && echo collected in parallel
jcmd -l | grep -c jcmd
java -Xmx64m -cp classes Sleep &
while ! test -e ready; do sleep 0.2; done
jcmd $! VM.uptime >/dev/null && jcmd $! Thread.print | grep -c '"main"'
kill $!
# The two wait five seconds for each other, unless told otherwise: too few for an emulated machine.
printf 'int x = 6 * 7;\nSystem.out.println(x)\n/exit\n' | jshell --execution 'jdi:timeout(600000)' -s -R-Xmx64m - 2>/dev/null
