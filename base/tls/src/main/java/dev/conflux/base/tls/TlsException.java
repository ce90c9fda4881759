package dev.conflux.base.tls;

/** Key material that cannot be used. The message names the file and what is wrong with it, never a secret. */
public final class TlsException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    public TlsException(String message) {
        super(message);
    }

    public TlsException(String message, Throwable cause) {
        super(message, cause);
    }
}
