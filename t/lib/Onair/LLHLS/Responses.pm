package Onair::LLHLS::Responses;

# The rules for what an HTTP response around a playlist must be.  A rule is
# given { response, kind, target_duration }, where kind is one of multivariant,
# playlist, blocking, media, missing, bad.

use strict;
use warnings;

use POSIX qw(ceil floor);


our %RESPONSE;

my %TYPES = (
    m3u8 => qr{^application/(?:vnd\.apple\.mpegurl|x-mpegurl)\b}i,
    m4s => qr{^(?:video|audio)/(?:mp4|iso\.segment)\b}i,
    mp4 => qr{^(?:video|audio)/mp4\b}i,
);


sub max_age {
    my ($r) = @_;

    return ($r->{headers}{'cache-control'} // '') =~ /\bmax-age=(\d+)/
           ? $1 : undef;
}


$RESPONSE{is_whole} = sub {
    my ($c) = @_;

    return $c->{response}{error} // ();
};


$RESPONSE{type_is_right} = sub {
    my ($c) = @_;

    return if $c->{response}{status} !~ /^2/;

    my ($suffix) = $c->{response}{path} =~ /\.(\w+)(?:\?|$)/;
    my $type = $c->{response}{headers}{'content-type'} // 'none';

    return $TYPES{$suffix // ''} && $type !~ $TYPES{$suffix}
           ? "Content-Type: $type" : ();
};


$RESPONSE{has_a_date} = sub {
    my ($c) = @_;

    return $c->{response}{headers}{date} ? () : 'no Date';
};


$RESPONSE{other_origins_may_read_it} = sub {
    my ($c) = @_;

    my $h = $c->{response}{headers};
    my %exposed = map { lc $_ => 1 }
                  split /\s*,\s*/, $h->{'access-control-expose-headers'} // '';
    my @violations;

    push @violations, 'no Access-Control-Allow-Origin: *'
        if ($h->{'access-control-allow-origin'} // '') ne '*';
    push @violations, map { "$_ is not exposed" } grep { !$exposed{$_} }
                      qw(age date);

    return @violations;
};


my %LIFETIMES = (
    playlist => sub { (floor($_[0] / 2), ceil($_[0] / 2)) },
    multivariant => sub { (0, 6 * $_[0]) },
    blocking => sub { (6 * $_[0], 6 * $_[0]) },
    media => sub { (6 * $_[0], 9e9) },
    missing => sub { (1, $_[0]) },
    bad => sub { (1, 4 * $_[0]) },
);


$RESPONSE{is_cached_for_as_long_as_it_should} = sub {
    my ($c) = @_;

    my ($least, $most) = $LIFETIMES{$c->{kind}}->($c->{target_duration});
    my $age = max_age($c->{response});

    return 'no Cache-Control: max-age' if !defined $age;
    return "max-age=$age, not $least to $most" if $age < $least || $age > $most;
    return;
};


$RESPONSE{is_not_private} = sub {
    my ($c) = @_;

    my $h = $c->{response}{headers};
    my @violations;

    push @violations, "Cache-Control: $h->{'cache-control'}"
        if ($h->{'cache-control'} // '') =~ /no-store|no-cache|private/;
    push @violations, 'Set-Cookie' if $h->{'set-cookie'};
    push @violations, "Vary: $h->{vary}"
        if ($h->{vary} // '') =~ /cookie|user-agent|\*/i;

    return @violations;
};


$RESPONSE{media_is_immutable} = sub {
    my ($c) = @_;

    return if $c->{kind} ne 'media';
    return ($c->{response}{headers}{'cache-control'} // '') =~ /\bimmutable\b/
           ? () : 'no Cache-Control: immutable';
};


1;
