# Java from source to an archive that runs, and a tool that looks for virtual machines.
from=$1
mkdir classes
javac -J-Xmx256m -J-XX:TieredStopAtLevel=1 -d classes "$from/Work.java"
jar --create --file work.jar --main-class Work -C classes .
java -Xmx128m -jar work.jar
