package dev.conflux.adapter.postgres;

import static org.assertj.core.api.Assertions.assertThat;
import static org.assertj.core.api.Assertions.assertThatThrownBy;

import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PostgresUrlTest {

    @ParameterizedTest
    @CsvSource(delimiter = '|', textBlock = """
                    postgresql://u:p@db/c                             | jdbc:postgresql://db:5432/c                  | u  | p
                    postgres://u:p@db:6000/c                          | jdbc:postgresql://db:6000/c                  | u  | p
                    postgresql://u%40x:p%2Fa%3As+s@db/c               | jdbc:postgresql://db:5432/c                  | u@x| p/a:s+s
                    postgresql://u:p@[::1]:6000/c                     | jdbc:postgresql://[::1]:6000/c               | u  | p
                    postgresql://u:p@a,b:6000/c?target_session_attrs=read-write | jdbc:postgresql://a:5432,b:6000/c?targetServerType=primary | u | p
                    postgresql://u:p@db/c?sslmode=verify-full&connect_timeout=3 | jdbc:postgresql://db:5432/c?connectTimeout=3&sslmode=verify-full | u | p
                    jdbc:postgresql://db:6000/c?user=u&password=p%26q | jdbc:postgresql://db:6000/c                  | u  | p&q
                    postgresql:///c?user=u                            | jdbc:postgresql://localhost:5432/c           | u  | ''
                    """)
    void shouldRead(String text, String jdbc, String user, String password) {
        PostgresUrl url = PostgresUrl.parse(text);
        assertThat(url.jdbcUrl()).isEqualTo(jdbc);
        assertThat(url.user()).isEqualTo(user);
        assertThat(url.password()).isEqualTo(password);
        assertThat(PostgresUrl.parse(url.withPassword())).isEqualTo(url);
    }

    @ParameterizedTest
    @ValueSource(
            strings = {
                "mysql://u:hidden@db/c",
                "u:hidden@db/c",
                "postgresql://u:hidden@db",
                "postgresql://:hidden@db/c",
                "postgresql://u:hidden@db:port/c",
                "postgresql://u:hidden@a,,b/c",
                "postgresql://u:hidden@db/c?sslmode",
                "postgresql://u:hidden@db/c?target_session_attrs=standby"
            })
    void shouldRefuseWithoutRepeatingThePassword(String text) {
        assertThatThrownBy(() -> PostgresUrl.parse(text))
                .isInstanceOf(IllegalArgumentException.class)
                .hasMessageStartingWith("database.url: ")
                .message()
                .doesNotContain("hidden");
    }

    @Test
    void shouldPrintItselfWithoutPassword() {
        PostgresUrl url = PostgresUrl.parse("postgresql://u:hidden@db/c?sslpassword=hidden");
        assertThat(url.toString()).isEqualTo("postgresql://u:***@db:5432/c");
    }
}
