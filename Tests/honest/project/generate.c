/* Built and then run by the build itself. */
#include <stdio.h>

int main(void)
{
	puts("static const char *const words[] = {\"one\", \"two\", \"three\", \"four\", \"five\"};");
	return 0;
}
