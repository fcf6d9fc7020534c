/* Asks getaddrinfo(3) for each name among the arguments, and prints a line for each. Nothing else. */
#include <arpa/inet.h>
#include <errno.h>
#include <netdb.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

static const char *code(int error)
{
    switch (error) {
    case EAI_AGAIN: return "EAI_AGAIN";
    case EAI_FAIL: return "EAI_FAIL";
    case EAI_NONAME: return "EAI_NONAME";
    case EAI_SYSTEM: return "EAI_SYSTEM";
#ifdef __USE_GNU
    case EAI_NODATA: return "EAI_NODATA";
    case EAI_ADDRFAMILY: return "EAI_ADDRFAMILY";
#endif
    default: return "another code";
    }
}

int main(int argc, char **argv)
{
    for (int n = 1; n < argc; n++) {
        struct addrinfo hints, *found;
        memset(&hints, 0, sizeof hints);
        hints.ai_family = AF_UNSPEC;
        hints.ai_socktype = SOCK_STREAM;
        hints.ai_flags = AI_ADDRCONFIG;
        /* Some of its codes depend on what errno was before: chance, which is not to be compared. */
        errno = 0;
        int error = getaddrinfo(argv[n], NULL, &hints, &found);
        printf("%s", argv[n]);
        if (error)
            printf(" %s", code(error));
        for (struct addrinfo *a = error ? NULL : found; a; a = a->ai_next) {
            char text[INET6_ADDRSTRLEN];
            if (a->ai_family == AF_INET) {
                inet_ntop(AF_INET, &((struct sockaddr_in *)a->ai_addr)->sin_addr, text, sizeof text);
                printf(" %s", text);
            } else {
                struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)a->ai_addr;
                unsigned char *o = in6->sin6_addr.s6_addr;
                for (int i = 0; i < 16; i += 2)
                    printf("%s%x", i ? ":" : " ", o[i] << 8 | o[i + 1]);
                printf("%%%u", in6->sin6_scope_id);
            }
        }
        printf("\n");
        fflush(stdout);
    }
    return 0;
}
