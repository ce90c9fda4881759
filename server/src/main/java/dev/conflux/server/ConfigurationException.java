package dev.conflux.server;

/** The node's configuration is wrong; the message names the key, the value, the rule and the source. */
final class ConfigurationException extends RuntimeException {

    private static final long serialVersionUID = 1L;

    ConfigurationException(String message) {
        super(message);
    }
}
